//! The order policy: which changes are allowed where and when, what holds stop, how long returns are taken. Data, kept in
//! versions; the version that decided is recorded with each decision.

use crate::{Channel, Invalid, Text};
use minicbor::{Decode, Encode};

crate::text_type!(
    /// A kind of hold on an order, such as `fraud`, `payment`, `address` or `manual`.
    HoldCode, "hold type", 1..=32
);

/// A kind of change to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum ChangeKind {
    /// More units of a line.
    #[n(0)]
    IncreaseQuantity,
    /// Fewer units of a line, or none.
    #[n(1)]
    ReduceQuantity,
    /// A new line.
    #[n(2)]
    AddLine,
    /// Another address.
    #[n(3)]
    ShipTo,
    /// Home instead of pickup, or pickup instead of home.
    #[n(4)]
    DeliveryMethod,
    /// Another node to fetch it at.
    #[n(5)]
    PickupNode,
    /// Another release time or requested window.
    #[n(6)]
    RequestedTime,
    /// Other prices of a line.
    #[n(7)]
    Price,
    /// Money off for what went wrong.
    #[n(8)]
    Appeasement,
    /// Gift note, attributes.
    #[n(9)]
    Notes,
    /// Another item in place of a line's.
    #[n(10)]
    Substitute,
    /// Calling units off.
    #[n(11)]
    Cancel,
    /// Another delivery charge.
    #[n(12)]
    DeliveryCharge,
}

impl ChangeKind {
    /// All kinds in the order of their numbers.
    pub const ALL: [Self; 13] = [
        Self::IncreaseQuantity,
        Self::ReduceQuantity,
        Self::AddLine,
        Self::ShipTo,
        Self::DeliveryMethod,
        Self::PickupNode,
        Self::RequestedTime,
        Self::Price,
        Self::Appeasement,
        Self::Notes,
        Self::Substitute,
        Self::Cancel,
        Self::DeliveryCharge,
    ];

    /// The name used in files, messages and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::IncreaseQuantity => "increase_quantity",
            Self::ReduceQuantity => "reduce_quantity",
            Self::AddLine => "add_line",
            Self::ShipTo => "ship_to",
            Self::DeliveryMethod => "delivery_method",
            Self::PickupNode => "pickup_node",
            Self::RequestedTime => "requested_time",
            Self::Price => "price",
            Self::Appeasement => "appeasement",
            Self::Notes => "notes",
            Self::Substitute => "substitute",
            Self::Cancel => "cancel",
            Self::DeliveryCharge => "delivery_charge",
        }
    }
}

/// How far the units are that a change concerns: the most advanced of them counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum ChangeStage {
    /// No unit is with a node: open, backordered or reserved.
    #[n(0)]
    Unreleased,
    /// A node was told to pick.
    #[n(1)]
    Released,
    /// In hand.
    #[n(2)]
    Picked,
    /// Left the node.
    #[n(3)]
    Shipped,
    /// With the customer, or at the end of another way.
    #[n(4)]
    Delivered,
}

impl ChangeStage {
    /// All stages in order.
    pub const ALL: [Self; 5] =
        [Self::Unreleased, Self::Released, Self::Picked, Self::Shipped, Self::Delivered];

    /// The name used in files, messages and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreleased => "unreleased",
            Self::Released => "released",
            Self::Picked => "picked",
            Self::Shipped => "shipped",
            Self::Delivered => "delivered",
        }
    }
}

/// What a rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Verdict {
    /// Go on.
    #[n(0)]
    Allow,
    /// No.
    #[n(1)]
    Refuse,
    /// Only when somebody with the operator's role says yes.
    #[n(2)]
    NeedsApproval,
}

/// One rule. `None` means any. The first rule that matches decides.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ChangeRule {
    /// Asked for in this channel.
    #[n(0)]
    pub channel: Option<Channel>,
    /// This kind of change.
    #[n(1)]
    pub kind: Option<ChangeKind>,
    /// At this stage.
    #[n(2)]
    pub stage: Option<ChangeStage>,
    /// Then.
    #[n(3)]
    pub verdict: Verdict,
    /// Why, for whoever asks; may be empty.
    #[n(4)]
    pub note: Text,
}

/// What a kind of hold stops.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct HoldType {
    /// Its name.
    #[n(0)]
    pub code: HoldCode,
    /// Work is not released. Every type does that unless it says otherwise.
    #[n(1)]
    pub stops_release: bool,
    /// Kinds of change that are refused meanwhile.
    #[n(2)]
    pub stops_changes: Vec<ChangeKind>,
    /// Whoever screens must look again after a change.
    #[n(3)]
    pub screen_again: bool,
}

/// How returns are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ReturnTerms {
    /// Days after delivery, 0 to 3,650.
    #[n(0)]
    pub window_days: u16,
    /// A request inside the window is authorised at once.
    #[n(1)]
    pub authorise_at_once: bool,
}

/// The whole policy.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct OrderPolicy {
    /// First match decides; what no rule matches is refused.
    #[n(0)]
    pub rules: Vec<ChangeRule>,
    /// The kinds of hold there are.
    #[n(1)]
    pub hold_types: Vec<HoldType>,
    /// How returns are taken.
    #[n(2)]
    pub returns: ReturnTerms,
    /// An amendment that is not done by then is refused whole, in milliseconds, 1,000 to 86,400,000.
    #[n(3)]
    pub amend_within_ms: i64,
    /// An approval that is not given by then is refused, in milliseconds, 1,000 to 2,592,000,000.
    #[n(4)]
    pub approve_within_ms: i64,
    /// How long a node may take to answer a cancel of units in hand, in milliseconds, 1,000 to 86,400,000.
    #[n(5)]
    pub cancel_answer_within_ms: i64,
    /// How often nodes may send the same units back before nobody else is asked, 1 to 100.
    #[n(6)]
    pub bounces_max: u8,
}

/// The rule that decides a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided {
    /// What it says.
    pub verdict: Verdict,
    /// Its index in the policy; `None` when no rule matches.
    pub rule: Option<u16>,
}

impl OrderPolicy {
    /// At most this many rules and hold types each.
    pub const ROWS_MAX: usize = 256;

    /// The rule that decides a change asked for in `channel`, of `kind`, at `stage`.
    #[must_use]
    pub fn decide(&self, channel: &Channel, kind: ChangeKind, stage: ChangeStage) -> Decided {
        let matches = |rule: &&ChangeRule| {
            rule.channel.as_ref().is_none_or(|named| named == channel)
                && rule.kind.is_none_or(|named| named == kind)
                && rule.stage.is_none_or(|named| named == stage)
        };
        let found = self.rules.iter().enumerate().find(|(_, rule)| matches(rule));
        found.map_or(Decided { verdict: Verdict::Refuse, rule: None }, |(index, rule)| Decided {
            verdict: rule.verdict,
            rule: u16::try_from(index).ok(),
        })
    }

    /// The hold type of this name.
    #[must_use]
    pub fn hold_type(&self, code: &HoldCode) -> Option<&HoldType> {
        self.hold_types.iter().find(|hold| hold.code == *code)
    }

    /// A sound beginning: before release everything may change; released work may change as long as it can be recalled;
    /// picked and shipped units keep what they are, but for money off; marketplaces may not change prices; prices need
    /// an approval outside the call centre.
    #[must_use]
    pub fn sound() -> Self {
        let text = |words: &str| Text::new(words).unwrap_or_else(|_| unreachable!("short literals are text"));
        let channel = |name: &str| Channel::new(name).ok();
        let rule = |from: Option<&str>, kind, stage, verdict, note: &str| ChangeRule {
            channel: from.and_then(channel),
            kind,
            stage,
            verdict,
            note: text(note),
        };
        use {ChangeKind as K, ChangeStage as S, Verdict as V};
        let rules = vec![
            rule(Some("marketplace"), Some(K::Price), None, V::Refuse, "prices are the marketplace's"),
            rule(Some("marketplace"), Some(K::Appeasement), None, V::Refuse, "money is the marketplace's"),
            rule(Some("marketplace"), Some(K::DeliveryCharge), None, V::Refuse, "money is the marketplace's"),
            rule(None, Some(K::Appeasement), None, V::Allow, "goodwill at any time"),
            rule(Some("call_center"), Some(K::Price), None, V::Allow, "the call centre sets prices"),
            rule(None, Some(K::Price), None, V::NeedsApproval, "prices outside the call centre"),
            rule(
                Some("call_center"),
                Some(K::DeliveryCharge),
                None,
                V::Allow,
                "the call centre sets charges",
            ),
            rule(None, Some(K::DeliveryCharge), None, V::NeedsApproval, "charges outside the call centre"),
            rule(None, Some(K::Notes), Some(S::Shipped), V::Refuse, "the parcel has left"),
            rule(None, Some(K::Notes), Some(S::Delivered), V::Refuse, "the parcel has arrived"),
            rule(None, Some(K::Notes), None, V::Allow, "notes until it leaves"),
            rule(None, Some(K::AddLine), None, V::Allow, "new units are sourced alone"),
            rule(None, Some(K::IncreaseQuantity), None, V::Allow, "new units are sourced alone"),
            rule(None, Some(K::Cancel), None, V::Allow, "the node decides about units in hand"),
            rule(None, None, Some(S::Unreleased), V::Allow, "no node was told yet"),
            rule(None, None, Some(S::Released), V::Allow, "recalled first"),
            rule(None, Some(K::ReduceQuantity), None, V::Allow, "never below what is picked"),
            rule(None, None, None, V::Refuse, "in hand or gone"),
        ];
        let hold = |code: &str, stops_changes: &[ChangeKind], screen_again| {
            let code = HoldCode::new(code).unwrap_or_else(|_| unreachable!("short literals are codes"));
            HoldType { code, stops_release: true, stops_changes: stops_changes.to_vec(), screen_again }
        };
        Self {
            rules,
            hold_types: vec![
                hold("fraud", &[K::DeliveryMethod, K::PickupNode], true),
                hold("payment", &[], false),
                hold("address", &[], true),
                hold("manual", &[], false),
            ],
            returns: ReturnTerms { window_days: 30, authorise_at_once: true },
            amend_within_ms: 60_000,
            approve_within_ms: 86_400_000,
            cancel_answer_within_ms: 900_000,
            bounces_max: 8,
        }
    }

    /// What is wrong with it by itself, each with its path.
    #[must_use]
    pub fn faults(&self) -> Vec<Invalid> {
        let mut found = Vec::new();
        let mut within = |field: &'static str, value: i64, range: std::ops::RangeInclusive<i64>| {
            if !range.contains(&value) {
                let (from, through) = (range.start(), range.end());
                found.push(Invalid::new(field, format!("is {value}, must be {from} to {through}")));
            }
        };
        within("rules", self.rules.len() as i64, 1..=Self::ROWS_MAX as i64);
        within("hold_types", self.hold_types.len() as i64, 0..=Self::ROWS_MAX as i64);
        within("returns.window_days", i64::from(self.returns.window_days), 0..=3_650);
        within("amend_within_ms", self.amend_within_ms, 1_000..=86_400_000);
        within("approve_within_ms", self.approve_within_ms, 1_000..=2_592_000_000);
        within("cancel_answer_within_ms", self.cancel_answer_within_ms, 1_000..=86_400_000);
        within("bounces_max", i64::from(self.bounces_max), 1..=100);
        for (index, hold) in self.hold_types.iter().enumerate() {
            if self.hold_types[..index].iter().any(|earlier| earlier.code == hold.code) {
                found.push(Invalid::new("hold_types", format!("name {} twice", hold.code)));
            }
        }
        found
    }
}

impl Default for OrderPolicy {
    fn default() -> Self {
        Self::sound()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_matches_decides_and_no_match_refuses() {
        let policy = OrderPolicy::sound();
        assert!(policy.faults().is_empty());
        let decide = |channel: &str, kind, stage| policy.decide(&Channel::new(channel).unwrap(), kind, stage);
        assert_eq!(
            decide("web", ChangeKind::ShipTo, ChangeStage::Released).verdict,
            Verdict::Allow,
            "recalled first"
        );
        assert_eq!(decide("web", ChangeKind::ShipTo, ChangeStage::Picked).verdict, Verdict::Refuse);
        assert_eq!(decide("web", ChangeKind::Price, ChangeStage::Released).verdict, Verdict::NeedsApproval);
        assert_eq!(decide("call_center", ChangeKind::Price, ChangeStage::Shipped).verdict, Verdict::Allow);
        assert_eq!(decide("marketplace", ChangeKind::Price, ChangeStage::Unreleased).rule, Some(0));
        let none = OrderPolicy { rules: Vec::new(), ..policy };
        let nothing = none.decide(&Channel::new("web").unwrap(), ChangeKind::Notes, ChangeStage::Unreleased);
        assert_eq!(nothing, Decided { verdict: Verdict::Refuse, rule: None });
        assert!(!none.faults().is_empty(), "a policy without rules refuses everything and is not taken");
    }
}
