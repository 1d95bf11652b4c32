//! The people of the orders that are looked for: every customer with a telephone number of their own, many with a member
//! card or a social id, and one in ten with a Chinese name. It knows nothing of how they are looked for.

use crate::demo::world::World;
use crate::records;
use waybill_client::proto::common::v1::Contact;
use waybill_client::proto::orders::v1::{HistoricOrder, PlaceOrderRequest};
use waybill_fixtures::OrderShape;
use waybill_formats::OrderRecord;

/// One customer in so many has a Chinese name.
const CHINESE_ONE_IN: u64 = 10;
/// One customer in so many has a member card.
const CARD_ONE_IN: u64 = 2;
/// One customer in so many has a social id.
const SOCIAL_ONE_IN: u64 = 3;
/// One open order in so many begins with a hold.
const HELD_ONE_IN: u64 = 50;
/// The hold they begin with, of the policy that is there from the start.
pub(super) const HOLD: &str = "fraud";

const FAMILY: [&str; 20] = [
    "王", "李", "张", "刘", "陈", "杨", "黄", "赵", "吴", "周", "徐", "孙", "马", "朱", "胡", "林", "郭",
    "何", "高", "罗",
];
const GIVEN: [&str; 24] = [
    "伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "娟", "涛", "明", "超",
    "秀", "霞", "平", "刚", "桂", "英", "华",
];

/// The orders of one run.
#[derive(Clone, Debug)]
pub(super) struct Past {
    pub(super) finished: u64,
    pub(super) open: u64,
    pub(super) history: OrderShape,
    pub(super) present: OrderShape,
}

impl Past {
    /// `orders` of which one in twenty is open; a customer has ordered five times on average, over a year.
    pub(super) fn of(orders: u64) -> Self {
        let open = orders / 20;
        let (finished, customers) = (orders - open, (orders / 5).max(1));
        let mut history = super::super::fill::history(customers);
        history.interval_ms = (365 * 86_400_000 / finished.max(1)).cast_signed();
        Self { finished, open, history, present: super::super::fill::present(customers) }
    }

    /// Finished orders as history.
    pub(super) fn finished(&self, world: &World, first: u64, count: u64) -> Vec<HistoricOrder> {
        world.finished_orders(self.history.clone(), first, count).iter().map(historic).collect()
    }

    /// Open orders, each with its channel.
    pub(super) fn open(&self, world: &World) -> Vec<(String, PlaceOrderRequest)> {
        let orders = world.orders(self.present.clone(), self.open);
        let place = |(index, order): (u64, &OrderRecord)| {
            let mut request = records::place(order);
            dress(request.contact.get_or_insert_default(), &order.customer_id);
            if index.is_multiple_of(HELD_ONE_IN) {
                request.hold_types = vec![HOLD.to_owned()];
            }
            (order.channel.clone(), request)
        };
        (0..).zip(&orders).map(place).collect()
    }

    /// Order `index` of all, the finished ones first. An open one looks here as it will when it is finished, but for its
    /// number, person and items.
    pub(super) fn order(&self, world: &World, index: u64) -> HistoricOrder {
        let orders = match index.checked_sub(self.finished) {
            None => world.finished_orders(self.history.clone(), index, 1),
            Some(index) => world.finished_orders(self.present.clone(), index, 1),
        };
        orders.first().map(historic).unwrap_or_default()
    }
}

fn historic(order: &OrderRecord) -> HistoricOrder {
    let mut historic = records::historic(order);
    dress(historic.contact.get_or_insert_default(), &order.customer_id);
    historic
}

/// Makes a contact that of this customer and of nobody else.
fn dress(contact: &mut Contact, customer_id: &str) {
    let digits = customer_id.trim_start_matches(|letter: char| !letter.is_ascii_digit());
    let customer: u64 = digits.parse().unwrap_or_default();
    // Numbers that begin with +1 555 are nobody's.
    contact.phone = format!("+1555{customer:08}");
    if customer.is_multiple_of(CHINESE_ONE_IN) {
        let rank = (customer / CHINESE_ONE_IN) as usize;
        let (family, given) = (FAMILY[rank % FAMILY.len()], rank / FAMILY.len());
        let (first, second) = (GIVEN[given % GIVEN.len()], GIVEN[given / GIVEN.len() % GIVEN.len()]);
        contact.name = format!("{family}{first}{second}");
    }
    if customer.is_multiple_of(CARD_ONE_IN) {
        contact.member_card = format!("M{customer:09}");
    }
    if customer.is_multiple_of(SOCIAL_ONE_IN) {
        contact.social_id = format!("wechat:o{customer:09}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_is_the_same_person_in_every_order_and_nobody_else() {
        let of = |id: &str| {
            let mut contact = Contact { name: "Ada King".into(), ..Contact::default() };
            dress(&mut contact, id);
            contact
        };
        assert_eq!(of("K0000030"), of("K0000030"));
        assert_eq!(of("K0000030").name, "李伟伟".replacen("李", "刘", 1));
        assert_eq!(of("K0000031").name, "Ada King");
        assert!(of("K0000031").member_card.is_empty() && of("K0000031").social_id.is_empty());
        assert_ne!(of("K0000030").phone, of("K0000060").phone);
        assert_eq!(
            (of("K0000030").member_card, of("K0000030").social_id),
            ("M000000030".into(), "wechat:o000000030".into())
        );
    }

    #[test]
    fn one_order_in_twenty_is_open() {
        let past = Past::of(1_000);
        assert_eq!((past.finished, past.open, past.history.customers), (950, 50, 200));
    }
}
