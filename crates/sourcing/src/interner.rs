//! Small numbers for node ids, so that stock and lanes meet by index. It knows names only: a node may have stock
//! before the network knows it, and keeps its number when the network changes.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};
use waybill_types::NodeId;

/// A map that hashes the same on every run: nothing here may depend on chance.
pub(crate) type FixedMap<K, V> = HashMap<K, V, BuildHasherDefault<DefaultHasher>>;

/// A node's number within one [`Interner`]. It is never stored and means nothing in another process; no plan depends
/// on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeIx(pub(crate) u32);

impl NodeIx {
    /// As an index into a table with one entry per interned node.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Gives node ids numbers from 0 up and never takes one back. One per process, shared by the network (when it is built)
/// and the mirror of availability (when stock changes).
#[derive(Clone, Debug, Default)]
pub struct Interner {
    numbers: FixedMap<NodeId, NodeIx>,
    ids: Vec<NodeId>,
}

impl Interner {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
    /// The node's number, given now if it has none.
    pub fn intern(&mut self, id: &NodeId) -> NodeIx {
        if let Some(known) = self.numbers.get(id) {
            return *known;
        }
        let next = NodeIx(u32::try_from(self.ids.len()).expect("fewer than 2^32 nodes"));
        self.numbers.insert(id.clone(), next);
        self.ids.push(id.clone());
        next
    }
    /// The node's number, if it has one.
    #[must_use]
    pub fn get(&self, id: &NodeId) -> Option<NodeIx> {
        self.numbers.get(id).copied()
    }
    /// The node of a number that this interner gave.
    #[must_use]
    pub fn id(&self, node: NodeIx) -> Option<&NodeId> {
        self.ids.get(node.index())
    }
    /// How many nodes have a number.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }
    /// True when no node has a number.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}
