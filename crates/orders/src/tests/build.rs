//! Orders to place, in few words.

use crate::command::{Basket, Command, Import, NewLine, Place};
use crate::content::{Backorder, Lookup, LookupKind, Mode, OrderAmounts};
use crate::units::{Bucket, Buckets};
use waybill_machine::Content;
use waybill_types::exchange::Delivery;
use waybill_types::{
    Attributes, Channel, Currency, CustomerRef, ExternalNumber, LookupDigest, NodeId, OwnerId, Quantity,
    Sealed, Sku, SubjectKey, Text, Timestamp,
};

pub(super) fn sku(name: &str) -> Sku {
    Sku::new(name).unwrap()
}

pub(super) fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

pub(super) fn units(count: u64) -> Quantity {
    Quantity::of(count)
}

/// A line of `count` units at 10.00 each.
pub(super) fn line(name: &str, count: u64) -> NewLine {
    NewLine {
        external: Text::new("").unwrap(),
        sku: sku(name),
        owner: OwnerId::main(),
        quantity: units(count),
        scale: 0,
        delivery: Delivery::Ship,
        unit_price: 1000,
        subtotal: None,
        discount: 0,
        tax: 0,
        total: 1000 * count as i64,
        attributes: Attributes::default(),
        substitutes: Vec::new(),
    }
}

pub(super) fn pickup(name: &str, count: u64, at: &str) -> NewLine {
    NewLine { delivery: Delivery::Pickup(node(at)), ..line(name, count) }
}

pub(super) fn basket(number: &str, lines: Vec<NewLine>) -> Basket {
    let mut digests = Content::new();
    for line in &lines {
        digests = digests.with("lines", &(&line.sku, line.quantity));
    }
    Basket {
        external: ExternalNumber::new(number).unwrap(),
        digests,
        customer: Some(CustomerRef::new("c-1").unwrap()),
        subject: Some(SubjectKey(7)),
        recipient: Some(Sealed(vec![1, 2, 3])),
        lookups: vec![
            Lookup { kind: LookupKind::Phone, digest: LookupDigest([1; 16]) },
            Lookup { kind: LookupKind::Customer, digest: LookupDigest([2; 16]) },
        ],
        amounts: OrderAmounts {
            currency: Currency::new("EUR").unwrap(),
            shipping: 0,
            discount: 0,
            tax: 0,
            total: lines.iter().map(|line| line.total).sum(),
            tax_included: true,
        },
        lines,
        attributes: Attributes::default(),
    }
}

/// An order to accept, backorders allowed.
pub(super) fn order(number: &str, lines: Vec<NewLine>) -> Place {
    Place {
        basket: basket(number, lines),
        mode: Mode::Accept,
        hold: None,
        release_at: None,
        requested: None,
        backorder: Backorder::Allow,
        priority: 0,
        journey: None,
        order_holds: Vec::new(),
    }
}

/// Three units of A for 10.00 in all, a cent of which is shipping: the first unit carries it.
pub(super) fn three_for_ten() -> Place {
    let mut wanted = order("1", vec![NewLine { unit_price: 333, total: 999, ..line("A", 3) }]);
    (wanted.basket.amounts.shipping, wanted.basket.amounts.total) = (1, 1000);
    wanted
}

/// An order to confirm whole or refuse.
pub(super) fn confirm(number: &str, lines: Vec<NewLine>) -> Place {
    Place { mode: Mode::Confirm, backorder: Backorder::Forbid, ..order(number, lines) }
}

pub(super) fn place(place: Place) -> Command {
    Command::Place(Box::new(place))
}

/// A finished order: everything delivered.
pub(super) fn delivered(number: &str, lines: Vec<NewLine>) -> Import {
    let ended = lines.iter().map(|line| Buckets::all_in(Bucket::Delivered, line.quantity)).collect();
    Import {
        channel: Channel::new("web").unwrap(),
        placed_at: Timestamp::from_ms(1),
        ended,
        nodes: vec![None; lines.len()],
        basket: basket(number, lines),
    }
}
