//! What becomes of each order, chosen by seed and order: how it is placed, whether the request is sent twice, whether
//! somebody watches it or calls it off. No call is made here.

use waybill_fixtures::Prng;
use waybill_formats::OrderRecord;

const PURPOSE_JOURNEY: u64 = 61;
/// Of a thousand orders that are released at once or soon, so many are amended.
const AMENDED_PERMILLE: u64 = 155;
/// Of a thousand, so many are called off, whole or in part.
const CALLED_OFF_PERMILLE: u64 = 90;
const HOUR_MS: i64 = 3_600_000;

/// How an order is placed and what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Journey {
    /// Taken as soon as it is durable; sourced afterwards.
    Accept,
    /// Answered when reserved, or refused when stock is short.
    Confirm,
    /// Promise, stock hold, then placed with the hold.
    HoldFirst,
    /// To be released within seconds.
    Soon,
    /// To be released tomorrow, and left alone.
    Later,
    /// To be released tomorrow, and called off before that in another channel.
    CalledOff {
        /// Only its last line, where it has several.
        line_only: bool,
        /// Only once it is reserved; else at once, racing the reservation.
        when_reserved: bool,
    },
}

/// The request is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// As it was.
    Same,
    /// With another quantity under the same id.
    Other,
}

/// Somebody in another channel changes an order while nodes may be at work on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mind {
    /// Something of it is to be different.
    Amended,
    /// Nobody wants it any more, or not all of it.
    CalledOff {
        /// Only its last line, where it has several.
        line_only: bool,
    },
}

/// When somebody changes an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// As soon as it is placed.
    AtOnce,
    /// When a node has been told to pick.
    Released,
    /// When a node has it in hand.
    Picked,
}

/// All that is chosen for one order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// How it is placed.
    pub(crate) journey: Journey,
    /// Whether it is changed afterwards.
    pub(crate) mind: Option<(Mind, Moment)>,
    /// Whether it is sent twice.
    pub(crate) repeat: Option<Repeat>,
    /// Whether somebody watches it until the end.
    pub(crate) watched: bool,
    /// How far in the future it may be released, from when it is sent, in milliseconds.
    pub(crate) release_in_ms: Option<i64>,
}

/// Chooses for order `index` of `seed`.
pub(crate) fn choose(seed: u64, index: u64, order: &OrderRecord) -> Choice {
    let mut chance = Prng::stream(seed, PURPOSE_JOURNEY, index);
    let online = order.channel == "web" || order.channel == "app";
    let journey = if order.release_time.is_some() {
        match chance.below(10) {
            0..=5 => Journey::CalledOff { line_only: chance.chance(300), when_reserved: chance.chance(500) },
            6..=8 => Journey::Soon,
            _ => Journey::Later,
        }
    } else if online && chance.chance(60) {
        Journey::HoldFirst
    } else if chance.chance(250) {
        Journey::Confirm
    } else {
        Journey::Accept
    };
    let release_in_ms = match journey {
        Journey::Accept | Journey::Confirm | Journey::HoldFirst => None,
        Journey::Soon => Some(chance.between(500, 4_000)),
        Journey::Later | Journey::CalledOff { .. } => Some(chance.between(20 * HOUR_MS, 44 * HOUR_MS)),
    };
    let repeat = match chance.below(1_000) {
        0..=19 => Some(Repeat::Same),
        20..=24 => Some(Repeat::Other),
        _ => None,
    };
    let watched = chance.chance(3);
    let mind = match (journey, chance.below(1_000)) {
        (Journey::CalledOff { .. }, _) => None,
        (_, point) if point < AMENDED_PERMILLE => Some(Mind::Amended),
        (_, point) if point < AMENDED_PERMILLE + CALLED_OFF_PERMILLE => {
            Some(Mind::CalledOff { line_only: chance.chance(300) })
        }
        _ => None,
    };
    let moment = match (journey, chance.below(3)) {
        // Nobody works on it before tomorrow.
        (Journey::Later, _) | (_, 0) => Moment::AtOnce,
        (_, 1) => Moment::Released,
        _ => Moment::Picked,
    };
    let mind = mind.map(|mind| (mind, moment));
    Choice { journey, mind, repeat, watched, release_in_ms }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_formats::Instant;

    #[test]
    fn every_journey_is_taken_and_only_later_orders_are_called_off() {
        let order = |later: bool| OrderRecord {
            channel: "web".into(),
            release_time: later.then(|| Instant::from_ms(1)),
            ..OrderRecord::default()
        };
        let mut seen = std::collections::BTreeSet::new();
        for index in 0..20_000 {
            let later = index % 3 == 0;
            let choice = choose(1, index, &order(later));
            assert_eq!(choice, choose(1, index, &order(later)));
            assert_eq!(choice.release_in_ms.is_some(), later);
            seen.insert(format!("{:?} {:?}", choice.journey, choice.repeat));
        }
        // Nine journeys, each sent once, twice, and twice with other content.
        assert_eq!(seen.len(), 27, "{seen:?}");
    }

    #[test]
    fn tills_and_agents_hold_no_stock_beforehand() {
        let order = OrderRecord { channel: "store".into(), ..OrderRecord::default() };
        assert!((0..5_000).all(|index| choose(2, index, &order).journey != Journey::HoldFirst));
    }
}
