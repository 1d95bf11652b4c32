//! A sourcing policy in force. The document itself is data of the network; here it gets its version and a sound
//! beginning.

use waybill_types::Currency;
use waybill_types::network::{NodeKind, Policy};

/// A policy with the version that is stamped on every plan made by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyVersion {
    /// Raised by each change; 0 where none was ever set.
    pub version: u64,
    /// What is weighed against what.
    pub policy: Policy,
}

impl PolicyVersion {
    /// A sound beginning: a unit unserved costs 1,000.00, a further parcel 2.00, a day 0.50; stores come a little after
    /// warehouses and suppliers last; up to 16 shipments.
    #[must_use]
    pub fn sound(currency: Currency) -> Self {
        let policy = Policy::sound(currency);
        Self { version: 0, policy }
    }
}

/// What a shipment from a kind of node costs on top; may be negative.
pub(crate) fn kind_minor(policy: &Policy, kind: NodeKind) -> i64 {
    policy.kind_costs.iter().filter(|cost| cost.kind == kind).map(|cost| cost.minor).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_types::network::Document;

    #[test]
    fn the_sound_policy_has_no_faults() {
        let sound = PolicyVersion::sound(Currency::new("JPY").unwrap());
        assert!(sound.policy.faults().is_empty());
        assert_eq!(kind_minor(&sound.policy, NodeKind::Supplier), 300);
        assert_eq!(kind_minor(&sound.policy, NodeKind::LocalWarehouse), 0);
    }
}
