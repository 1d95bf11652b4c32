//! `waybill customer link`, `merge`, `split` and `erase`.

use super::identity::Known;
use crate::commands::{Common, Flags, Writing, json, refused_of, say};
use anyhow::{Context, ensure};
use waybill_client::Client;
use waybill_client::proto::customers::v1::{
    EraseCustomerRequest, LinkIdentityRequest, MergeCustomersRequest, SplitCustomerRequest,
};

/// What the fields are called where they are typed.
const FLAGS: Flags = &[
    ("customer_id", "CUSTOMER"),
    ("into_customer_id", "INTO"),
    ("from_customer_id", "FROM"),
    ("identity.value", "the identity"),
    ("identities[].value", "an identity"),
    ("identities", "the identities"),
    ("expected_revision", "--revision"),
    ("into_expected_revision", "--revision"),
    ("from_expected_revision", "--from-revision"),
];

#[derive(Debug, clap::Args)]
pub(super) struct Link {
    /// The record, such as C-17; by default the one that has the identity, or a new one.
    #[arg(value_name = "CUSTOMER")]
    record: Option<String>,
    #[command(flatten)]
    known: Known,
    /// Somebody has checked that it is theirs.
    #[arg(long)]
    verified: bool,
    /// They may be written to or called there.
    #[arg(long)]
    consent: bool,
    /// Several people have it; it never tells by itself whose an order is.
    #[arg(long)]
    shared: bool,
    /// Only if the record still has this revision.
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    revision: u64,
    #[command(flatten)]
    writing: Writing,
}

#[derive(Debug, clap::Args)]
pub(super) struct Merge {
    /// The record that stays.
    into: String,
    /// The record that becomes another name of it.
    from: String,
    /// Only if the record that stays still has this revision.
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    revision: u64,
    /// Only if the other record still has this revision.
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    from_revision: u64,
    #[command(flatten)]
    writing: Writing,
}

#[derive(Debug, clap::Args)]
pub(super) struct Split {
    /// The record that they leave; what leaves is given by flags, each as often as needed.
    #[arg(value_name = "CUSTOMER")]
    record: String,
    #[command(flatten)]
    known: Known,
    /// Only if the record still has this revision.
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    revision: u64,
    #[command(flatten)]
    writing: Writing,
}

#[derive(Debug, clap::Args)]
pub(super) struct Erase {
    /// The record.
    #[arg(value_name = "CUSTOMER")]
    record: String,
    /// Say so: it cannot be undone.
    #[arg(long, required = true)]
    for_good: bool,
    #[command(flatten)]
    writing: Writing,
}

pub(super) async fn link(client: &Client, common: &Common, link: &Link) -> anyhow::Result<()> {
    let identity = link.known.one()?;
    let request = LinkIdentityRequest {
        request_id: link.writing.request_id.clone(),
        reason: link.writing.reason.clone(),
        customer_id: link.record.clone().unwrap_or_default(),
        identity: Some(identity.context("give the identity, such as --phone +12025550123")?),
        verified: link.verified,
        consent: link.consent,
        shared: link.shared,
        expected_revision: link.revision,
    };
    let answer = client.link_identity(request).await.map_err(refused_of(FLAGS))?;
    if common.json {
        return say(json("customers.v1.LinkIdentityResponse", &answer)?);
    }
    say(format!("{}  linked  revision {}", answer.customer_id, answer.revision))
}

pub(super) async fn merge(client: &Client, common: &Common, merge: &Merge) -> anyhow::Result<()> {
    let request = MergeCustomersRequest {
        request_id: merge.writing.request_id.clone(),
        reason: merge.writing.reason.clone(),
        into_customer_id: merge.into.clone(),
        from_customer_id: merge.from.clone(),
        into_expected_revision: merge.revision,
        from_expected_revision: merge.from_revision,
    };
    let answer = client.merge_customers(request).await.map_err(refused_of(FLAGS))?;
    if common.json {
        return say(json("customers.v1.MergeCustomersResponse", &answer)?);
    }
    let (stays, revision) = (&answer.customer_id, answer.revision);
    say(format!("{stays}  stays, {} is another name of it  revision {revision}", merge.from))
}

pub(super) async fn split(client: &Client, common: &Common, split: &Split) -> anyhow::Result<()> {
    let identities = split.known.all();
    ensure!(!identities.is_empty(), "give what leaves, such as --phone +12025550123");
    let request = SplitCustomerRequest {
        request_id: split.writing.request_id.clone(),
        reason: split.writing.reason.clone(),
        customer_id: split.record.clone(),
        identities,
        expected_revision: split.revision,
    };
    let answer = client.split_customer(request).await.map_err(refused_of(FLAGS))?;
    if common.json {
        return say(json("customers.v1.SplitCustomerResponse", &answer)?);
    }
    let (customer, new) = (&answer.customer_id, &answer.new_customer_id);
    say(format!("{new}  has what left {customer}  revision {} of {customer}", answer.revision))
}

pub(super) async fn erase(client: &Client, common: &Common, erase: &Erase) -> anyhow::Result<()> {
    let request = EraseCustomerRequest {
        request_id: erase.writing.request_id.clone(),
        reason: erase.writing.reason.clone(),
        customer_id: erase.record.clone(),
    };
    let answer = client.erase_customer(request).await.map_err(refused_of(FLAGS))?;
    if common.json {
        return say(json("customers.v1.EraseCustomerResponse", &answer)?);
    }
    say(format!("{}  erased, with the people of {} order(s)", answer.customer_id, answer.order_count))
}
