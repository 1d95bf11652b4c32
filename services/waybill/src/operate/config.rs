//! `waybill config`: what would be used, and whether it is sound.

use crate::commands::say;
use crate::config::Config;
use std::path::PathBuf;

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
            say(format!("{}: sound", file.display()))?;
            config.warnings().iter().for_each(|warning| eprintln!("warning: {warning}"));
        }
        Action::Print { file } => {
            let config = file.map_or_else(|| Ok(Config::default()), |file| Config::read(&file))?;
            say(toml::to_string(&config)?.trim_end())?;
        }
    }
    Ok(())
}
