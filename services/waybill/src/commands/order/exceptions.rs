//! `waybill order exceptions`, `source-again` and `call-off`: orders that need somebody, and what somebody says.

use super::{Which, print, read};
use crate::commands::{Common, Flags, Table, Writing, json, refused, refused_of, say, time};
use waybill_client::Client;
use waybill_client::proto::orders::v1::{
    AnswerExceptionRequest, ExceptionAnswer, ListExceptionsRequest, OrderException,
};

/// How many to show.
#[derive(Debug, clap::Args)]
pub(super) struct Exceptions {
    /// How many to show at most.
    #[arg(long, default_value_t = 50)]
    limit: usize,
}

/// What the fields are called where they are typed.
const FLAGS: Flags = &[
    ("order_id", "ORDER"),
    ("line_numbers[]", "--line"),
    ("ask_all_nodes", "--all-nodes"),
    ("note", "--note"),
];

/// Which units.
#[derive(Debug, clap::Args)]
pub(super) struct Answered {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    writing: Writing,
    /// Only this line; may be repeated. By default all lines that need somebody.
    #[arg(long = "line", value_name = "LINE")]
    lines: Vec<u32>,
    /// What was found out.
    #[arg(long, default_value = "", hide_default_value = true)]
    note: String,
}

/// What to try again.
#[derive(Debug, clap::Args)]
pub(super) struct SourceAgain {
    #[command(flatten)]
    answered: Answered,
    /// Ask every node, also those that did not have the goods or would not give them.
    #[arg(long)]
    all_nodes: bool,
}

pub(super) async fn source_again(
    client: &Client,
    common: &Common,
    asked: &SourceAgain,
) -> anyhow::Result<()> {
    answer(client, common, &asked.answered, ExceptionAnswer::SourceAgain, asked.all_nodes).await
}

pub(super) async fn call_off(client: &Client, common: &Common, asked: &Answered) -> anyhow::Result<()> {
    answer(client, common, asked, ExceptionAnswer::CallOff, false).await
}

async fn answer(
    client: &Client,
    common: &Common,
    asked: &Answered,
    answer: ExceptionAnswer,
    ask_all_nodes: bool,
) -> anyhow::Result<()> {
    let order = read(client, common, &asked.which).await?;
    let request = AnswerExceptionRequest {
        request_id: asked.writing.request_id.clone(),
        reason: asked.writing.reason.clone(),
        order_id: order.order_id.clone(),
        line_numbers: asked.lines.clone(),
        answer: answer.into(),
        ask_all_nodes,
        note: asked.note.clone(),
    };
    let answered = client.answer_exception(request).await.map_err(refused_of(FLAGS))?;
    if common.json {
        return say(json("orders.v1.AnswerExceptionResponse", &answered)?);
    }
    let units: Vec<String> = answered.units.iter().map(|units| print::some_units(&order, units)).collect();
    let done = match answer {
        ExceptionAnswer::SourceAgain => "sourced again",
        ExceptionAnswer::CallOff | ExceptionAnswer::Unspecified => "called off",
    };
    say(format!("{}  {done}: {}  revision {}", answered.order_id, units.join(", "), answered.revision))
}

/// The commands that the calls stand for; a call that has none is named as it is.
fn resolved_by(calls: &[String]) -> String {
    let command = |call: &String| match call.as_str() {
        "AnswerException" => "source-again, call-off".to_owned(),
        "AmendOrder" => "amend".to_owned(),
        "CancelOrder" => "cancel".to_owned(),
        other => other.to_owned(),
    };
    calls.iter().map(command).collect::<Vec<_>>().join(", ")
}

pub(super) async fn list(client: &Client, common: &Common, asked: &Exceptions) -> anyhow::Result<()> {
    let page_size = u32::try_from(asked.limit.clamp(1, 200))?;
    let mut request = ListExceptionsRequest { page_size, ..ListExceptionsRequest::default() };
    let mut found: Vec<OrderException> = Vec::new();
    loop {
        let page = client.list_exceptions(request.clone()).await.map_err(refused)?;
        found.extend(page.exceptions);
        request.page_token = page.next_page_token;
        if found.len() >= asked.limit || request.page_token.is_empty() {
            break;
        }
    }
    found.truncate(asked.limit);
    if common.json {
        return found.iter().try_for_each(|exception| say(json("orders.v1.OrderException", exception)?));
    }
    if found.is_empty() {
        return say("no order needs anybody");
    }
    let mut table = Table::new(&["ORDER", "SINCE", "LINES", "WHY", "ASKED", "RESOLVE WITH"]);
    for exception in &found {
        let lines: Vec<String> =
            exception.lines.iter().map(|line| format!("{} {}", line.line_number, line.sku)).collect();
        table.row([
            exception.order_id.clone(),
            time(exception.since_time.as_ref()),
            lines.join(", "),
            super::timeline::cause(&exception.cause),
            exception.tried_node_ids.join(" "),
            resolved_by(&exception.resolve_with),
        ]);
    }
    say(table.to_string())
}
