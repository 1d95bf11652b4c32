//! `waybill config`: what would be used, and whether it is sound.

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
            Config::read(&file)?.check()?;
            println!("{}: sound", file.display());
        }
        Action::Print { file } => {
            let config = file.map_or_else(|| Ok(Config::default()), |file| Config::read(&file))?;
            print!("{}", toml::to_string(&config)?);
        }
    }
    Ok(())
}
