//! The questions: every way to look for an order, each as a request that is made from an order that is there, so that the
//! answer is known. It measures nothing.

use super::people::{HOLD, Past};
use crate::demo::load::refused;
use crate::demo::world::World;
use anyhow::ensure;
use waybill_client::Client;
use waybill_client::proto::common::v1::TimeRange;
use waybill_client::proto::orders::v1::{
    ExternalOrderKey, FindOrdersRequest, FindReturnableRequest, GetOrderRequest, HistoricOrder, OrderStatus,
    find_returnable_request, get_order_request,
};
use waybill_fixtures::Prng;

const PURPOSE_QUESTION: u64 = 70;
const DAY_S: i64 = 86_400;

/// How an order is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Id,
    ChannelAndNumber,
    Number,
    Phone,
    Email,
    Customer,
    MemberCard,
    SocialId,
    Receipt,
    CardAtTill,
    Node,
    Hold,
    Sku,
    StatusAndDay,
    NamePrefix,
    ChineseName,
    FullName,
    Status,
    PhoneAndStatus,
    CustomerAndSku,
    NameChannelStatus,
    NodeAndStatus,
    NamePage2,
    ChannelPage2,
}

impl Kind {
    pub(super) const ALL: [Self; 24] = [
        Self::Id,
        Self::ChannelAndNumber,
        Self::Number,
        Self::Phone,
        Self::Email,
        Self::Customer,
        Self::MemberCard,
        Self::SocialId,
        Self::Receipt,
        Self::CardAtTill,
        Self::Node,
        Self::Hold,
        Self::Sku,
        Self::StatusAndDay,
        Self::NamePrefix,
        Self::ChineseName,
        Self::FullName,
        Self::Status,
        Self::PhoneAndStatus,
        Self::CustomerAndSku,
        Self::NameChannelStatus,
        Self::NodeAndStatus,
        Self::NamePage2,
        Self::ChannelPage2,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Id => "order id",
            Self::ChannelAndNumber => "channel, number",
            Self::Number => "number",
            Self::Phone => "phone",
            Self::Email => "e-mail",
            Self::Customer => "customer id",
            Self::MemberCard => "member card",
            Self::SocialId => "social id",
            Self::Receipt => "receipt, returnable",
            Self::CardAtTill => "card, returnable",
            Self::Node => "node",
            Self::Hold => "hold",
            Self::Sku => "sku",
            Self::StatusAndDay => "status, day",
            Self::NamePrefix => "name, 3 letters",
            Self::ChineseName => "name, 1 character",
            Self::FullName => "name, full",
            Self::Status => "status",
            Self::PhoneAndStatus => "phone, status",
            Self::CustomerAndSku => "customer id, sku",
            Self::NameChannelStatus => "name, channel, status",
            Self::NodeAndStatus => "node, status",
            Self::NamePage2 => "name, page 2",
            Self::ChannelPage2 => "channel, page 2",
        }
    }

    /// True for a key that names its orders exactly.
    pub(super) const fn is_exact(self) -> bool {
        match self {
            Self::Id
            | Self::ChannelAndNumber
            | Self::Number
            | Self::Phone
            | Self::Email
            | Self::Customer
            | Self::MemberCard
            | Self::SocialId
            | Self::Receipt
            | Self::CardAtTill
            | Self::Node
            | Self::Hold
            | Self::StatusAndDay => true,
            // An item is what a search is narrowed by, not what it goes by.
            Self::Sku
            | Self::NamePrefix
            | Self::ChineseName
            | Self::FullName
            | Self::Status
            | Self::PhoneAndStatus
            | Self::CustomerAndSku
            | Self::NameChannelStatus
            | Self::NodeAndStatus
            | Self::NamePage2
            | Self::ChannelPage2 => false,
        }
    }

    /// True where the order that the question was made from must be in the answer, unless more pages follow. Open orders
    /// are not worked on, so what was made up of their end is not found.
    const fn finds_it(self) -> bool {
        !matches!(
            self,
            Self::Node
                | Self::Hold
                | Self::Status
                | Self::StatusAndDay
                | Self::NameChannelStatus
                | Self::NodeAndStatus
                | Self::PhoneAndStatus
                | Self::NamePage2
                | Self::ChannelPage2
                | Self::CardAtTill
                | Self::Receipt
        )
    }
}

/// What is asked.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    Get(GetOrderRequest),
    Find(Box<FindOrdersRequest>),
    Returnable(FindReturnableRequest),
}

/// One question.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) asked: Asked,
    /// The number of the order that must be found.
    pub(super) expected: Option<String>,
}

/// Makes `count` questions of a kind, from orders drawn by chance.
pub(super) fn made(world: &World, past: &Past, kind: Kind, count: u64) -> Vec<Question> {
    let mut chance = Prng::stream(world.shape.seed, PURPOSE_QUESTION, kind as u64);
    let all = past.finished + past.open;
    let mut questions = Vec::new();
    // Not every order has every key: those that have none are passed over.
    for _ in 0..count * 20 {
        let order = past.order(world, chance.below(all));
        if let Some(asked) = question(kind, &order, world, &mut chance) {
            let expected = kind.finds_it().then(|| order.external_order_number.clone());
            questions.push(Question { asked, expected });
        }
        if questions.len() as u64 >= count {
            break;
        }
    }
    questions
}

fn question(kind: Kind, order: &HistoricOrder, world: &World, chance: &mut Prng) -> Option<Asked> {
    let contact = order.contact.clone().unwrap_or_default();
    let line = order.lines.first()?;
    let given = |text: &String| (!text.is_empty()).then(|| text.clone());
    let beginning = || {
        // A word ends at whatever is no letter: of "O'Brien" the beginning is that of "Brien".
        let mut words = contact.name.split(|letter: char| !letter.is_alphanumeric());
        let name = words.rfind(|word| word.is_ascii() && word.len() >= 3)?;
        name.get(..3).map(str::to_owned)
    };
    let mut node = || chance_node(world, chance);
    let any = FindOrdersRequest::default();
    let find = match kind {
        Kind::Id | Kind::ChannelAndNumber => return Some(Asked::Get(by_number(order))),
        Kind::Receipt => {
            let by = find_returnable_request::By::Receipt(order.external_order_number.clone());
            return Some(Asked::Returnable(FindReturnableRequest { by: Some(by), ..Default::default() }));
        }
        Kind::CardAtTill => {
            let by = find_returnable_request::By::MemberCard(given(&contact.member_card)?);
            return Some(Asked::Returnable(FindReturnableRequest { by: Some(by), ..Default::default() }));
        }
        Kind::Number => {
            FindOrdersRequest { external_order_number: order.external_order_number.clone(), ..any }
        }
        Kind::Phone => FindOrdersRequest { phone: contact.phone, ..any },
        Kind::Email => FindOrdersRequest { email: contact.email, ..any },
        Kind::Customer => FindOrdersRequest { customer_id: order.customer_id.clone(), ..any },
        Kind::MemberCard => FindOrdersRequest { member_card: given(&contact.member_card)?, ..any },
        Kind::SocialId => FindOrdersRequest { social_id: given(&contact.social_id)?, ..any },
        Kind::Node => FindOrdersRequest { node_id: node(), ..any },
        Kind::Hold => FindOrdersRequest { hold_type: HOLD.to_owned(), ..any },
        Kind::Sku => FindOrdersRequest { sku: line.line.as_ref()?.sku.clone(), ..any },
        Kind::StatusAndDay => {
            FindOrdersRequest { statuses: delivered(), placed: Some(day_of(order)?), ..any }
        }
        Kind::NamePrefix | Kind::NamePage2 => FindOrdersRequest { name_prefix: beginning()?, ..any },
        Kind::ChineseName => {
            let first = contact.name.chars().next().filter(|first| !first.is_ascii())?;
            FindOrdersRequest { name_prefix: first.to_string(), ..any }
        }
        Kind::FullName => FindOrdersRequest { name_prefix: contact.name, ..any },
        Kind::Status => FindOrdersRequest { statuses: vec![OrderStatus::Released.into()], ..any },
        Kind::PhoneAndStatus => FindOrdersRequest { phone: contact.phone, statuses: delivered(), ..any },
        Kind::CustomerAndSku => FindOrdersRequest {
            customer_id: order.customer_id.clone(),
            sku: line.line.as_ref()?.sku.clone(),
            ..any
        },
        Kind::NameChannelStatus => FindOrdersRequest {
            name_prefix: beginning()?,
            channel: order.channel.clone(),
            statuses: delivered(),
            ..any
        },
        Kind::NodeAndStatus => {
            FindOrdersRequest { node_id: node(), statuses: vec![OrderStatus::Released.into()], ..any }
        }
        Kind::ChannelPage2 => FindOrdersRequest { channel: order.channel.clone(), ..any },
    };
    Some(Asked::Find(Box::new(find)))
}

fn chance_node(world: &World, chance: &mut Prng) -> String {
    let nodes = &world.retailer.nodes;
    nodes[chance.below(nodes.len() as u64) as usize].node_id.clone()
}

fn delivered() -> Vec<i32> {
    vec![OrderStatus::Delivered.into()]
}

fn by_number(order: &HistoricOrder) -> GetOrderRequest {
    let key = ExternalOrderKey {
        channel: order.channel.clone(),
        external_order_number: order.external_order_number.clone(),
    };
    GetOrderRequest { key: Some(get_order_request::Key::External(key)), ..Default::default() }
}

/// The day, in UTC, on which an order was placed.
fn day_of(order: &HistoricOrder) -> Option<TimeRange> {
    let begin = order.place_time.as_ref()?.seconds.div_euclid(DAY_S) * DAY_S;
    let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    Some(TimeRange { earliest: at(begin), latest: at(begin + DAY_S) })
}

impl Question {
    /// Turns a question into one that can be asked only after another: by the order's id, or for the second page. `None`
    /// where there is no second page.
    ///
    /// # Errors
    /// A refusal.
    pub(super) async fn prepared(mut self, kind: Kind, client: &Client) -> anyhow::Result<Option<Self>> {
        match (kind, &mut self.asked) {
            (Kind::Id, Asked::Get(request)) => {
                let order = client.get_order(request.clone()).await.map_err(refused)?.order;
                request.key = Some(get_order_request::Key::OrderId(order.unwrap_or_default().order_id));
            }
            (Kind::NamePage2 | Kind::ChannelPage2, Asked::Find(request)) => {
                let page = client.find_orders((**request).clone()).await.map_err(refused)?;
                if page.next_page_token.is_empty() {
                    return Ok(None);
                }
                request.page_token = page.next_page_token;
            }
            _ => {}
        }
        Ok(Some(self))
    }

    /// Asks it; answers how many orders the answer has.
    ///
    /// # Errors
    /// A refusal, or an answer without the order that must be there.
    pub(super) async fn ask(&self, client: &Client) -> anyhow::Result<usize> {
        let (numbers, more): (Vec<String>, bool) = match &self.asked {
            Asked::Get(request) => {
                let order = client.get_order(request.clone()).await.map_err(refused)?.order;
                (order.into_iter().map(|order| order.external_order_number).collect(), false)
            }
            Asked::Find(request) => {
                let page = client.find_orders((**request).clone()).await.map_err(refused)?;
                let more = !page.next_page_token.is_empty();
                (page.orders.into_iter().map(|order| order.external_order_number).collect(), more)
            }
            Asked::Returnable(request) => {
                let page = client.find_returnable(request.clone()).await.map_err(refused)?;
                let more = !page.next_page_token.is_empty();
                (page.orders.into_iter().map(|order| order.external_order_number).collect(), more)
            }
        };
        if let Some(expected) = &self.expected {
            ensure!(more || numbers.contains(expected), "{expected} is not found by {:?}", self.asked);
        }
        Ok(numbers.len())
    }
}
