//! `waybill explain`: why an order's units come from where they come: the plan, what else could have been, and who was
//! passed over. As a table, as JSON, and as a map.

mod map;

use super::{Common, Flags, Table, json, money, refused_of, say, show_quantity, time, window, word};
use anyhow::Context;
use std::path::PathBuf;
use waybill_client::proto::fulfillment::v1::{
    BoundCheck, DecisionShipment, DeliveryMethod, FallbackStep, GetSourcingDecisionRequest, NodeKind,
    PlanAlternative, SourcingDecision, SourcingPlan, Standing, StandingCount,
};

/// Why an order's units come from where they come.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    common: Common,
    /// The order's id.
    order: String,
    /// Its attempt; by default the last one that is kept.
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    attempt: u32,
    /// Draw a map of the nodes and the ways into this file.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// What the fields are called where they are typed.
const FLAGS: Flags = &[("order_id", "ORDER"), ("attempt", "--attempt")];

/// Runs the command.
///
/// # Errors
/// A refusal of the server, no server, or a map that cannot be written.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let client = args.common.connection.connect().await?;
    let request = GetSourcingDecisionRequest { order_id: args.order, attempt: args.attempt };
    let answer = client.get_sourcing_decision(request).await.map_err(refused_of(FLAGS))?;
    let decision = answer.decision.context("the server answered without the decision")?;
    if let Some(file) = &args.svg {
        std::fs::write(file, map::draw(&decision))
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    match args.common.json {
        true => say(json("fulfillment.v1.SourcingDecision", &decision)?),
        false => say(text(&decision)),
    }
}

/// The whole answer for people.
fn text(decision: &SourcingDecision) -> String {
    let none = SourcingPlan::default();
    let plan = decision.plan.as_ref().unwrap_or(&none);
    let mut parts = vec![head(decision, plan), shipments(decision)];
    parts.extend(unserved(plan));
    parts.push(format!("cost: {}", terms(plan)));
    parts.extend(values(decision));
    parts.push(next_best(&decision.next_best));
    parts.push(passed_over(decision));
    parts.push(trust(decision));
    parts.join("\n")
}

fn head(decision: &SourcingDecision, plan: &SourcingPlan) -> String {
    let fetched = decision.lines.iter().all(|line| line.delivery_method() == DeliveryMethod::Pickup);
    let to = match decision.zone_id.as_str() {
        "" if fetched => "to be fetched".to_owned(),
        "" => "to no zone".to_owned(),
        zone => format!("to zone {zone}"),
    };
    let channel = if decision.channel.is_empty() { "no channel" } else { &decision.channel };
    let stamp = plan.stamp.unwrap_or_default();
    let proof = match decision.proven {
        true => "proven: nothing cheaper existed".to_owned(),
        false => format!("nothing below {} existed", money(plan.lower_bound.as_ref())),
    };
    let mut lines = vec![
        format!(
            "order {}  attempt {}  {}  {channel}  {to}",
            decision.order_id,
            decision.attempt,
            time(decision.plan_time.as_ref())
        ),
        format!(
            "policy {}, network {}: {}, {proof}",
            stamp.policy_version,
            stamp.network_version,
            money(plan.total_cost.as_ref())
        ),
    ];
    if !decision.relaxed.is_empty() {
        let steps = decision.relaxed.iter().filter_map(|step| FallbackStep::try_from(*step).ok());
        let steps: Vec<String> = steps.map(|step| word(step.as_str_name(), "FALLBACK_STEP")).collect();
        lines.push(format!("to serve all units the policy gave up: {}", steps.join(", ")));
    }
    if !decision.excluded_node_ids.is_empty() {
        lines.push(format!("not asked again: {}", decision.excluded_node_ids.join(", ")));
    }
    lines.join("\n")
}

fn kind(number: i32) -> String {
    NodeKind::try_from(number).map(|kind| word(kind.as_str_name(), "NODE_KIND")).unwrap_or_default()
}

fn shipments(decision: &SourcingDecision) -> String {
    let mut table = Table::new(&["NODE", "KIND", "SERVICE", "LINES", "SHIP BY", "ARRIVES", ">COST"]);
    for one in &decision.shipments {
        table.row([
            one.node_id.clone(),
            kind(one.kind),
            if one.carrier_service.is_empty() { "pickup".into() } else { one.carrier_service.clone() },
            units(one),
            time(one.ship_by_time.as_ref()),
            window(one.promise.as_ref()),
            money(one.cost.as_ref()),
        ]);
    }
    table.to_string()
}

/// `1: 2, 3: 1`: lines and their units at the item's scale.
fn units(one: &DecisionShipment) -> String {
    let units =
        one.units.iter().map(|units| format!("{}: {}", units.line_number, show_quantity(units.quantity, 0)));
    units.collect::<Vec<_>>().join(", ")
}

fn unserved(plan: &SourcingPlan) -> Option<String> {
    let missing = plan.unplanned.iter().map(|units| {
        let why = word(units.reason().as_str_name(), "UNPLANNED_REASON");
        format!("line {}: {} units unserved, {why}", units.line_number, units.quantity)
    });
    let missing: Vec<String> = missing.collect();
    (!missing.is_empty()).then(|| missing.join("\n"))
}

fn terms(plan: &SourcingPlan) -> String {
    let terms = plan.cost_terms.iter();
    let terms: Vec<String> =
        terms.map(|term| format!("{} {}", term.name.replace('_', " "), money(term.cost.as_ref()))).collect();
    if terms.is_empty() { "nothing".to_owned() } else { terms.join(", ") }
}

/// What a unit of each line is worth: who asks more for it is not needed.
fn values(decision: &SourcingDecision) -> Option<String> {
    if decision.line_values.is_empty() {
        return None;
    }
    let mut table = Table::new(&["LINE", ">UNIT IS WORTH"]);
    for value in &decision.line_values {
        table.row([value.line_number.to_string(), money(value.value.as_ref())]);
    }
    Some(table.to_string())
}

/// Whether the bound is more than the planner's word.
fn bound(decision: &SourcingDecision) -> &'static str {
    match decision.bound_check() {
        BoundCheck::Holds => "its bound holds, counted again from the values of its lines",
        BoundCheck::Open => "its bound leaves more open than can be counted again",
        BoundCheck::Wrong => "its bound is none",
        BoundCheck::Unspecified | BoundCheck::NotKept => "its bound is the planner's word",
    }
}

fn next_best(next: &[PlanAlternative]) -> String {
    if next.is_empty() {
        return "next best: there is no other plan".to_owned();
    }
    let mut table = Table::new(&["NEXT BEST", ">EXTRA", ">PARCELS", "ARRIVES", ">UNSERVED"]);
    for other in next {
        let Some(plan) = &other.plan else { continue };
        let mut nodes: Vec<&str> = plan.assignments.iter().map(|part| part.node_id.as_str()).collect();
        nodes.sort_unstable();
        nodes.dedup();
        let unserved: i64 = plan.unplanned.iter().map(|units| units.quantity).sum();
        table.row([
            nodes.join(" + "),
            money(other.extra_cost.as_ref()),
            nodes.len().to_string(),
            window(plan.promise.as_ref()),
            unserved.to_string(),
        ]);
    }
    table.to_string()
}

/// A sentence for each way to stand, as a planner says it.
fn why(standing: Standing) -> &'static str {
    match standing {
        Standing::Unspecified => "unknown",
        Standing::Chosen => "chosen",
        Standing::NotCheaper => "not cheaper",
        Standing::Inactive => "takes no work",
        Standing::Excluded => "not asked again",
        Standing::NotServed => "policy: does not serve this",
        Standing::KeptBack => "policy: kept back",
        Standing::NoLane => "no lane to there",
        Standing::NeverArrives => "never arrives",
        Standing::TooFew => "too few for a line that stays whole",
        Standing::FetchedElsewhere => "fetched elsewhere",
    }
}

fn passed_over(decision: &SourcingDecision) -> String {
    let count = |one: &StandingCount| format!("{} {}", one.count, why(one.standing()));
    let counts: Vec<String> = decision.standings.iter().map(count).collect();
    let summary = format!("nodes that had something: {}", counts.join(", "));
    if decision.nodes.is_empty() {
        return summary;
    }
    let mut table = Table::new(&["PASSED OVER", "KIND", ">HAD", "WHY"]);
    for node in &decision.nodes {
        let had = node.useful_units.to_string();
        table.row([node.node_id.clone(), kind(node.kind), had, why(node.standing()).into()]);
    }
    format!("{summary}\n{table}")
}

fn trust(decision: &SourcingDecision) -> String {
    let repeats = match (decision.repeats, decision.inputs_whole) {
        (true, true) => "planned again from everything kept, it comes out the same",
        (true, false) => "planned again from the most promising nodes kept, it comes out the same",
        (false, _) => "planned again today, it comes out differently",
    };
    match decision.findings.as_slice() {
        [] => format!("checked: sound; {}; {repeats}", bound(decision)),
        wrong => format!("checked: WRONG: {}; {}; {repeats}", wrong.join("; "), bound(decision)),
    }
}
