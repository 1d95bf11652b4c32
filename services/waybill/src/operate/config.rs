//! `waybill config`: what would be used, and whether it is sound.

use crate::commands::say;
use crate::config::Config;
use crate::tls::Tls;
use std::path::{Path, PathBuf};
use toml::Table;

/// What `config` takes.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand, Debug)]
enum Action {
    /// Read a file and say whether it is sound.
    Check {
        /// The TOML file.
        file: PathBuf,
    },
    /// Print the settings as a file: the defaults, or what a file makes of them.
    Print {
        /// The TOML file; absent for the defaults.
        file: Option<PathBuf>,
    },
}

/// Checks or prints.
///
/// # Errors
/// What is wrong with the file.
pub async fn run(args: Args) -> anyhow::Result<()> {
    match args.action {
        Action::Check { file } => {
            let config = Config::read(&file)?;
            config.check()?;
            // What a start would read.
            Tls::read(&config.tls)?;
            say(format!("{}: sound", file.display()))?;
            config.warnings().iter().for_each(|warning| eprintln!("warning: {warning}"));
        }
        Action::Print { file } => {
            let config = file.map_or_else(|| Ok(Config::default()), |file| Config::read(&file))?;
            say(printed(&config)?.trim_end())?;
        }
    }
    Ok(())
}

/// The settings as a file, with a comment for each that is not set and has no default.
fn printed(config: &Config) -> anyhow::Result<String> {
    let set: Table = toml::from_str(&toml::to_string(config)?)?;
    let (mut text, mut section) = (String::new(), String::new());
    for line in toml::to_string(&filled(config))?.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.to_owned();
        }
        let unset = line.split_once(" = ").is_some_and(|(key, _)| !is_set(&set, &section, key));
        text.push_str(if unset { "# " } else { "" });
        text.push_str(line);
        text.push('\n');
    }
    Ok(text)
}

fn is_set(set: &Table, section: &str, key: &str) -> bool {
    let mut table = Some(set);
    for name in section.split('.').filter(|name| !name.is_empty()) {
        table = table.and_then(|table| table.get(name)).and_then(toml::Value::as_table);
    }
    table.is_some_and(|table| table.contains_key(key))
}

/// The same settings with an example for each that is not set.
fn filled(config: &Config) -> Config {
    let mut all = config.clone();
    let file = |path: &str| Path::new("/etc/waybill").join(path);
    all.journal.url.get_or_insert_with(|| "postgres://waybill@db/waybill".into());
    all.journal.nats.credentials.get_or_insert_with(|| file("nats.creds"));
    all.journal.nats.system.get_or_insert_with(|| "/etc/waybill/system.creds".into());
    all.cluster.name.get_or_insert_with(|| "east-1".into());
    all.cluster.advertise.get_or_insert_with(|| "https://10.0.0.5:7700".into());
    all.tls.certificate.get_or_insert_with(|| file("certificate.pem"));
    all.tls.key.get_or_insert_with(|| file("key.pem"));
    all.tls.client_ca.get_or_insert_with(|| file("ca.pem"));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_printed_and_what_is_not_set_is_a_comment() {
        let config = Config::default();
        let text = printed(&config).unwrap();
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), config, "comments change nothing");
        let uncommented = text.replace("\n# ", "\n");
        assert_eq!(toml::from_str::<Config>(&uncommented).unwrap(), filled(&config));
        // `None` in no debug text: an option that this file forgot would be found here.
        assert!(!format!("{:?}", filled(&config)).contains("None"));
        for line in ["\n# url = \"postgres://", "\n# certificate = ", "\n# advertise = ", "\n# system = "] {
            assert!(text.contains(line), "{line:?}: {text}");
        }
        let mut given = config;
        given.cluster.name = Some("west-1".into());
        given.metrics_listen = None;
        let text = printed(&given).unwrap();
        assert!(text.contains("\nname = \"west-1\"") && text.contains("\nmetrics_listen = \"\"\n"), "{text}");
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), given);
    }
}
