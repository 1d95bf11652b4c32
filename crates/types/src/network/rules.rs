//! The rules of a sourcing policy: which nodes serve what, what they keep back, preferences, limits, and the order in
//! which these are relaxed. It says what each value may be and refuses to know stock, costs of lanes or an order.

use super::{Faults, NodeKind, Terms};
use crate::{Channel, NodeId, Text, ZoneId};
use minicbor::{Decode, Encode};

/// The custom attribute of an item that holds its class for these rules, such as `furniture` or `fresh`.
pub const SKU_CLASS: &str = "sku_class";

/// When a rule holds: every part that is not empty must name the case. All empty is always.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct When {
    /// The order was placed in one of these channels.
    #[n(0)]
    pub channels: Vec<Channel>,
    /// It goes to one of these zones; never so for pickups.
    #[n(1)]
    pub zones: Vec<ZoneId>,
    /// The item is of one of these classes.
    #[n(2)]
    pub classes: Vec<Text>,
}

impl When {
    /// True when it holds for an order of `channel` to `zone`, as far as that goes.
    #[must_use]
    pub fn fits_order(&self, channel: Option<&Channel>, zone: Option<&ZoneId>) -> bool {
        (self.channels.is_empty() || channel.is_some_and(|channel| self.channels.contains(channel)))
            && (self.zones.is_empty() || zone.is_some_and(|zone| self.zones.contains(zone)))
    }
    /// True when it holds for an item of `class`, as far as that goes.
    #[must_use]
    pub fn fits_class(&self, class: Option<&str>) -> bool {
        self.classes.is_empty() || class.is_some_and(|class| self.classes.iter().any(|c| c.as_str() == class))
    }
}

/// Nodes that a rule is about: those of one of the kinds, and those named. Both empty is every node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct NodeSet {
    /// All nodes of these kinds.
    #[n(0)]
    pub kinds: Vec<NodeKind>,
    /// These nodes besides.
    #[n(1)]
    pub nodes: Vec<NodeId>,
}

impl NodeSet {
    /// True when the node is meant.
    #[must_use]
    pub fn holds(&self, node: &NodeId, kind: NodeKind) -> bool {
        self.kinds.is_empty() && self.nodes.is_empty()
            || self.kinds.contains(&kind)
            || self.nodes.contains(node)
    }
}

/// Nodes that serve shipments of a case, or do not. The first rule that matches a node decides; a node that no rule
/// matches serves.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ServeRule {
    /// In this case.
    #[n(0)]
    pub when: When,
    /// These nodes.
    #[n(1)]
    pub nodes: NodeSet,
    /// Serve it, or do not.
    #[n(2)]
    pub serves: bool,
}

/// Stock that is kept back from a case. Of several that match a node the greatest counts.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Buffer {
    /// In this case.
    #[n(0)]
    pub when: When,
    /// At these nodes.
    #[n(1)]
    pub nodes: NodeSet,
    /// So many whole units of each SKU, 0 to 10^9.
    #[n(2)]
    pub keep_units: u64,
    /// So many hundredths of what is available, rounded up, 0 to 100; the greater of the two counts.
    #[n(3)]
    pub keep_percent: u8,
}

/// What a shipment from a kind of node costs on top in a case, besides the policy's cost of the kind; negative to prefer
/// it. All that match add up.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Preference {
    /// In this case; classes are not allowed here, since a parcel may hold several.
    #[n(0)]
    pub when: When,
    /// For this kind.
    #[n(1)]
    pub kind: NodeKind,
    /// Minor units of the policy's currency, within 10^9.
    #[n(2)]
    pub minor: i64,
}

/// How many shipments an order may take in a case. The first that matches counts, else the policy's own limit.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SplitLimit {
    /// In this case; classes are not allowed here.
    #[n(0)]
    pub when: When,
    /// At most so many, 1 to 1,000; pickups do not count.
    #[n(1)]
    pub shipments_max: u16,
}

/// What is given up when the rules leave units unserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum FallbackStep {
    /// The policy's own limit of shipments instead of that of the case.
    #[n(0)]
    LiftSplitLimits,
    /// Nothing is kept back.
    #[n(1)]
    UseBuffers,
    /// Every node may serve.
    #[n(2)]
    AnyNode,
    /// Orders need not be complete, and lines need not stay together.
    #[n(3)]
    ShipApart,
}

impl FallbackStep {
    /// The name used in files, messages and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LiftSplitLimits => "lift_split_limits",
            Self::UseBuffers => "use_buffers",
            Self::AnyNode => "any_node",
            Self::ShipApart => "ship_apart",
        }
    }
}

/// All rules of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Rules {
    /// What people call this version; may be empty.
    #[n(0)]
    pub name: Text,
    /// Who serves what.
    #[n(1)]
    pub serves: Vec<ServeRule>,
    /// What is kept back.
    #[n(2)]
    pub buffers: Vec<Buffer>,
    /// Which kinds of node to prefer.
    #[n(3)]
    pub preferences: Vec<Preference>,
    /// How many shipments an order may take.
    #[n(4)]
    pub splits: Vec<SplitLimit>,
    /// When units are left unserved: these steps are taken one after the other, each on top of those before, until all
    /// units are served. What is unserved then is backordered or refused, as the order says.
    #[n(5)]
    pub fallback: Vec<FallbackStep>,
    /// What units cost on top, and what must come from one place or on one day; `None` is none of it.
    #[n(6)]
    pub terms: Option<Box<Terms>>,
}

impl Rules {
    /// At most this many rules of each sort.
    pub const ROWS_MAX: usize = 256;
    /// At most this many names in all rules together.
    pub const NAMES_MAX: usize = 5_000;

    fn names(&self) -> usize {
        let serves = self.serves.iter().map(|rule| names_in(&rule.when, Some(&rule.nodes)));
        let buffers = self.buffers.iter().map(|buffer| names_in(&buffer.when, Some(&buffer.nodes)));
        let preferences = self.preferences.iter().map(|preference| names_in(&preference.when, None));
        let splits = self.splits.iter().map(|limit| names_in(&limit.when, None));
        let terms = self.terms.as_ref().map_or(0, |terms| terms.names());
        serves.chain(buffers).chain(preferences).chain(splits).sum::<usize>() + terms
    }

    pub(super) fn check(&self, faults: &mut Faults) {
        faults.at_most(self.serves.len(), Self::ROWS_MAX, "serve_rules");
        faults.at_most(self.buffers.len(), Self::ROWS_MAX, "buffers");
        faults.at_most(self.preferences.len(), Self::ROWS_MAX, "preferences");
        faults.at_most(self.splits.len(), Self::ROWS_MAX, "split_limits");
        let names = self.names();
        faults.unless(names <= Self::NAMES_MAX, "serve_rules", || {
            format!(
                "and the other rules hold {names} names together, at most {} are allowed",
                Self::NAMES_MAX
            )
        });
        for (index, buffer) in self.buffers.iter().enumerate() {
            let at = format!("buffers[{index}]");
            faults.unless(buffer.keep_units <= 1_000_000_000, format!("{at}.keep_units"), || {
                format!("is {}, must be 0 to 10^9 whole units", buffer.keep_units)
            });
            faults.unless(buffer.keep_percent <= 100, format!("{at}.keep_percent"), || {
                format!("is {}, must be 0 to 100", buffer.keep_percent)
            });
        }
        for (index, preference) in self.preferences.iter().enumerate() {
            let at = format!("preferences[{index}]");
            no_classes(faults, &preference.when, &at);
            faults.unless(
                preference.minor.unsigned_abs() <= 1_000_000_000,
                format!("{at}.cost_minor"),
                || format!("is {}, must be within 10^9 minor units", preference.minor),
            );
        }
        for (index, split) in self.splits.iter().enumerate() {
            let at = format!("split_limits[{index}]");
            no_classes(faults, &split.when, &at);
            faults.unless((1..=1000).contains(&split.shipments_max), format!("{at}.shipments_max"), || {
                format!("is {}, must be 1 to 1000", split.shipments_max)
            });
        }
        for (index, step) in self.fallback.iter().enumerate() {
            faults.unless(!self.fallback[..index].contains(step), format!("fallback[{index}]"), || {
                format!("is {} again", step.name())
            });
        }
        if let Some(terms) = &self.terms {
            terms.check(faults, Self::ROWS_MAX);
        }
    }
}

pub(super) fn names_in(when: &When, nodes: Option<&NodeSet>) -> usize {
    let nodes = nodes.map_or(0, |nodes| nodes.nodes.len() + nodes.kinds.len());
    when.channels.len() + when.zones.len() + when.classes.len() + nodes
}

pub(super) fn no_classes(faults: &mut Faults, when: &When, at: &str) {
    faults.unless(when.classes.is_empty(), format!("{at}.when.sku_classes"), || {
        "are given, but a parcel may hold items of several classes; leave them empty".to_owned()
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Currency;
    use crate::network::{Document, Policy};

    fn with(rules: Rules) -> Vec<String> {
        let policy = Policy { rules: Some(Box::new(rules)), ..Policy::sound(Currency::new("EUR").unwrap()) };
        policy.faults().into_iter().map(|fault| fault.field).collect()
    }

    #[test]
    fn every_rule_out_of_range_is_named_by_its_path() {
        let fresh = When { classes: vec![Text::new("fresh").unwrap()], ..When::default() };
        let rules = Rules {
            buffers: vec![Buffer {
                when: When::default(),
                nodes: NodeSet::default(),
                keep_units: 2_000_000_000,
                keep_percent: 101,
            }],
            preferences: vec![Preference { when: fresh.clone(), kind: NodeKind::Store, minor: i64::MIN }],
            splits: vec![SplitLimit { when: fresh, shipments_max: 0 }],
            fallback: vec![FallbackStep::AnyNode, FallbackStep::AnyNode],
            ..Rules::default()
        };
        assert_eq!(
            with(rules),
            [
                "buffers[0].keep_units",
                "buffers[0].keep_percent",
                "preferences[0].when.sku_classes",
                "preferences[0].cost_minor",
                "split_limits[0].when.sku_classes",
                "split_limits[0].shipments_max",
                "fallback[1]",
            ]
        );
        assert!(with(Rules::default()).is_empty());
        let named = NodeSet { kinds: Vec::new(), nodes: vec![NodeId::new("n").unwrap(); 5_001] };
        let long = ServeRule { when: When::default(), nodes: named, serves: true };
        assert_eq!(with(Rules { serves: vec![long], ..Rules::default() }), ["serve_rules"]);
    }

    #[test]
    fn a_rule_holds_where_every_part_that_is_named_holds() {
        let channel = |name: &str| Channel::new(name).unwrap();
        let zone = |name: &str| ZoneId::new(name).unwrap();
        let when = When { channels: vec![channel("web")], zones: vec![zone("de")], classes: vec![] };
        assert!(when.fits_order(Some(&channel("web")), Some(&zone("de"))));
        assert!(!when.fits_order(Some(&channel("web")), None), "a pickup goes to no zone");
        assert!(!when.fits_order(None, Some(&zone("de"))));
        assert!(When::default().fits_order(None, None) && When::default().fits_class(None));
        let both = NodeSet { kinds: vec![NodeKind::Store], nodes: vec![NodeId::new("w1").unwrap()] };
        assert!(both.holds(&NodeId::new("s1").unwrap(), NodeKind::Store));
        assert!(both.holds(&NodeId::new("w1").unwrap(), NodeKind::CentralWarehouse));
        assert!(!both.holds(&NodeId::new("w2").unwrap(), NodeKind::CentralWarehouse));
    }
}
