//! `waybill policy`: the sourcing policy, printed, checked, replaced, listed and rolled back.

use super::{Common, Flags, Table, Writing, from_json, json, pretty, refused_of, say, time};
use anyhow::Context;
use clap::Subcommand;
use std::path::{Path, PathBuf};
use waybill_client::Client;
use waybill_client::proto::fulfillment::v1::{
    CheckSourcingPolicyRequest, GetSourcingPolicyRequest, ListSourcingPoliciesRequest,
    RollBackSourcingPolicyRequest, SetSourcingPolicyRequest, SourcingPolicy,
};

/// What plans weigh, which nodes serve what, and what is given up when that serves too little.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print the policy as JSON: the one in force, or an earlier version.
    Print {
        /// Version; by default the one in force.
        #[arg(value_name = "VERSION", default_value_t = 0, hide_default_value = true)]
        number: u64,
    },
    /// Check a policy, and put nothing in force.
    Check {
        /// The file, as `print` writes it.
        file: PathBuf,
    },
    /// Put a policy in force, from a file as `print` writes it.
    Set {
        /// The file.
        file: PathBuf,
        #[command(flatten)]
        writing: Writing,
        /// Only if the version in force is this one.
        #[arg(long, value_name = "VERSION")]
        in_force: Option<u64>,
    },
    /// List the versions, newest first.
    List,
    /// Put an earlier version in force again, as a new version.
    Rollback {
        /// The version to repeat.
        #[arg(value_name = "VERSION")]
        number: u64,
        #[command(flatten)]
        writing: Writing,
        /// Only if the version in force is this one.
        #[arg(long, value_name = "VERSION")]
        in_force: Option<u64>,
    },
}

/// What the fields are called where they are typed.
pub(crate) const FLAGS: Flags =
    &[("policy", "FILE"), ("expected_version", "--in-force"), ("version", "VERSION")];

/// Runs the command.
///
/// # Errors
/// A refusal of the server, or no server.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let client = args.common.connection.connect().await?;
    match args.what {
        What::Print { number } => print(&client, number).await,
        What::Check { file } => check(&client, &args.common, &file).await,
        What::Set { file, writing, in_force } => {
            let request = SetSourcingPolicyRequest {
                request_id: writing.request_id,
                reason: writing.reason,
                policy: Some(read(&file)?),
                expected_version: in_force,
            };
            let answer = client.set_sourcing_policy(request).await.map_err(refused_of(FLAGS))?;
            match args.common.json {
                true => say(json("fulfillment.v1.SetSourcingPolicyResponse", &answer)?),
                false => say(format!("version {} is in force", answer.version)),
            }
        }
        What::List => list(&client, &args.common).await,
        What::Rollback { number, writing, in_force } => {
            let request = RollBackSourcingPolicyRequest {
                request_id: writing.request_id,
                reason: writing.reason,
                version: number,
                expected_version: in_force,
            };
            let answer = client.roll_back_sourcing_policy(request).await.map_err(refused_of(FLAGS))?;
            match args.common.json {
                true => say(json("fulfillment.v1.RollBackSourcingPolicyResponse", &answer)?),
                false => say(format!("version {} is in force, it repeats version {number}", answer.version)),
            }
        }
    }
}

/// A policy from a file as `print` writes it.
pub(crate) fn read(file: &Path) -> anyhow::Result<SourcingPolicy> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let value = serde_json::from_str(&text).with_context(|| format!("{} is no JSON", file.display()))?;
    from_json("fulfillment.v1.SourcingPolicy", value)
        .with_context(|| format!("{} is no sourcing policy", file.display()))
}

async fn print(client: &Client, version: u64) -> anyhow::Result<()> {
    let request = GetSourcingPolicyRequest { version, after: String::new() };
    let answer = client.get_sourcing_policy(request).await.map_err(refused_of(FLAGS))?;
    let policy = answer.policy.context("the server answered without the policy")?;
    say(pretty(&json("fulfillment.v1.SourcingPolicy", &policy)?)?)?;
    // Not on standard output, which is a file for `set`.
    eprintln!("version {}", answer.version.unwrap_or_default().version);
    Ok(())
}

async fn check(client: &Client, common: &Common, file: &Path) -> anyhow::Result<()> {
    let request = CheckSourcingPolicyRequest { policy: Some(read(file)?), after: String::new() };
    let answer = client.check_sourcing_policy(request).await.map_err(refused_of(FLAGS))?;
    if common.json {
        return say(json("fulfillment.v1.CheckSourcingPolicyResponse", &answer)?);
    }
    for name in &answer.unknown_names {
        say(format!("nobody bears this name: {name}"))?;
    }
    let state = if answer.in_force { ", and in force already" } else { "" };
    say(format!("the policy is sound{state}"))
}

async fn list(client: &Client, common: &Common) -> anyhow::Result<()> {
    let mut table = Table::new(&["", ">VERSION", "SET", "BY", "NAME", ">SEQUENCE", "WHY"]);
    let mut request = ListSourcingPoliciesRequest { page_size: 1_000, ..Default::default() };
    loop {
        let page = client.list_sourcing_policies(request.clone()).await.map_err(refused_of(FLAGS))?;
        for version in &page.versions {
            if common.json {
                say(json("fulfillment.v1.SourcingPolicyVersion", version)?)?;
                continue;
            }
            let repeats = match version.restored_version {
                0 => version.reason.clone(),
                restored => format!("repeats {restored}  {}", version.reason).trim_end().to_owned(),
            };
            table.row([
                if version.in_force { "*".into() } else { String::new() },
                version.version.to_string(),
                time(version.set_time.as_ref()),
                format!("{}/{}", version.channel, version.actor),
                version.name.clone(),
                version.journal_sequence.to_string(),
                repeats,
            ]);
        }
        if page.next_page_token.is_empty() {
            return if common.json { Ok(()) } else { say(table.to_string()) };
        }
        request.page_token = page.next_page_token;
    }
}
