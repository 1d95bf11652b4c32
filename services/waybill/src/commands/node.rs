//! `waybill node`: the nodes of the network, their instructions, and their work done by hand.

mod instructions;
mod report;
mod work;

use super::{Common, Table, from_word, json, money, refused, refused_of, say, word};
use anyhow::Context;
use clap::Subcommand;
use waybill_client::Client;
use waybill_client::proto::fulfillment::v1::{GetNodeRequest, ListNodesRequest, Node, NodeKind};

/// Show nodes and their work.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the nodes.
    List(List),
    /// Show one node.
    Show {
        /// The node.
        node: String,
    },
    /// Show a node's instructions in order, then wait for new ones.
    Instructions(instructions::Instructions),
    /// Say that a node has every instruction up to a number.
    Acknowledge(instructions::Acknowledge),
    /// List a node's work.
    Work(work::Work),
    #[command(flatten)]
    Report(report::Report),
}

#[derive(Debug, clap::Args)]
struct List {
    /// Only nodes of this kind, such as store; may be repeated.
    #[arg(long = "kind")]
    kinds: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// A refusal of the server, or no server.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let client = args.common.connection.connect().await?;
    match args.what {
        What::List(asked) => list(&client, &args.common, &asked).await,
        What::Show { node } => show(&client, &args.common, node).await,
        What::Instructions(asked) => instructions::instructions(&client, &args.common, &asked).await,
        What::Acknowledge(asked) => instructions::acknowledge(&client, &args.common, asked).await,
        What::Work(asked) => work::work(&client, &args.common, &asked).await,
        What::Report(report) => report::report(&client, &args.common, report).await,
    }
}

async fn list(client: &Client, common: &Common, asked: &List) -> anyhow::Result<()> {
    let kind =
        |text: &String| from_word(text, "NODE_KIND", NodeKind::as_str_name).map(|kind: NodeKind| kind.into());
    let kinds = asked.kinds.iter().map(kind).collect::<anyhow::Result<_>>()?;
    let mut request = ListNodesRequest { page_size: 1_000, kinds, ..Default::default() };
    let mut nodes = Vec::new();
    loop {
        let page = client.list_nodes(request.clone()).await.map_err(refused)?;
        nodes.extend(page.nodes);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    if common.json {
        return nodes.iter().try_for_each(|node| say(json("fulfillment.v1.Node", node)?));
    }
    say(table(&nodes).to_string())
}

fn table(nodes: &[Node]) -> Table {
    let mut table = Table::new(&["NODE", "KIND", "CITY", "TIME ZONE", "DOES", ">DAY CAPACITY", "NAME"]);
    for node in nodes {
        table.row([
            node.node_id.clone(),
            word(node.kind().as_str_name(), "NODE_KIND"),
            node.address.as_ref().map_or_else(String::new, |address| address.city.clone()),
            node.time_zone.clone(),
            does(node),
            node.day_capacity_units.map_or_else(|| "no limit".to_owned(), |units| units.to_string()),
            node.name.clone(),
        ]);
    }
    table
}

fn does(node: &Node) -> String {
    if node.inactive {
        return "inactive".to_owned();
    }
    let can = node.capabilities.unwrap_or_default();
    let words = [(can.ships, "ships"), (can.pickup, "pickup"), (can.accepts_returns, "returns")];
    words.iter().filter(|(can, _)| *can).map(|(_, word)| *word).collect::<Vec<_>>().join(" ")
}

/// One node; one that nobody knows is refused.
async fn node(client: &Client, request: GetNodeRequest) -> anyhow::Result<Node> {
    let answer = client.get_node(request).await.map_err(refused_of(&[("node_id", "NODE")]))?;
    answer.node.context("the server answered without the node")
}

async fn show(client: &Client, common: &Common, node_id: String) -> anyhow::Result<()> {
    let request = GetNodeRequest { node_id, after: String::new() };
    let node = node(client, request).await?;
    if common.json { say(json("fulfillment.v1.Node", &node)?) } else { say(facts(&node)) }
}

/// One fact per line, facts that are not there left out.
fn facts(node: &Node) -> String {
    let address = node.address.clone().unwrap_or_default();
    let place = [
        address.street_lines.join(", "),
        address.postal_code,
        address.city,
        address.region,
        address.country_code,
    ];
    let place: Vec<&str> = place.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    let minute = |minute: u32| format!("{:02}:{:02}", minute / 60, minute % 60);
    let facts = [
        ("kind", word(node.kind().as_str_name(), "NODE_KIND")),
        ("name", node.name.clone()),
        ("address", place.join(", ")),
        ("time zone", node.time_zone.clone()),
        ("calendar", node.calendar_id.clone()),
        ("cut-off", node.cutoff_minute_of_day.map_or_else(String::new, minute)),
        ("handling", format!("{} min", node.handling_ms / 60_000)),
        ("cost", money(node.handling_cost.as_ref())),
        ("unit cost", money(node.unit_handling_cost.as_ref())),
        (
            "capacity",
            node.day_capacity_units.map_or_else(String::new, |units| format!("{units} units a day")),
        ),
        ("does", does(node)),
    ];
    let mut text = format!("{}  revision {}", node.node_id, node.revision);
    for (name, fact) in facts.iter().filter(|(_, fact)| !fact.is_empty()) {
        text.push_str(&format!("\n{name:<10}{fact}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_client::proto::fulfillment::v1::NodeCapabilities;

    #[test]
    fn a_node_tells_what_it_does_and_an_inactive_one_does_nothing() {
        let mut node = Node {
            node_id: "S1".into(),
            kind: NodeKind::Store.into(),
            cutoff_minute_of_day: Some(14 * 60 + 5),
            capabilities: Some(NodeCapabilities { ships: true, pickup: true, accepts_returns: false }),
            ..Node::default()
        };
        assert_eq!(does(&node), "ships pickup");
        let text = facts(&node);
        assert!(text.contains("\ncut-off   14:05\n") && !text.contains("calendar"), "{text}");
        node.inactive = true;
        assert_eq!(does(&node), "inactive");
        assert!(table(&[node]).to_string().contains("no limit"));
    }
}
