//! What the kernel is asked besides the problem, and what it answers: a plan, its cost, and what proves it. Plain data.

/// Which facilities may be used, and how long to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// By the day of the facility.
    pub days: Days,
    /// Places of facilities that must not be used, ascending.
    pub without: Vec<u32>,
    /// Elementary steps (one cost of one facility looked at) after which the best plan so far is given with its gap.
    pub steps_max: u64,
}

/// Which days of facilities count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Days {
    /// All.
    #[default]
    Any,
    /// This one and all before it.
    Until(u32),
    /// This one alone.
    On(u32),
}

impl Days {
    /// True when a facility of that day may be used.
    #[must_use]
    #[inline]
    pub const fn contains(self, day: u32) -> bool {
        match self {
            Days::Any => true,
            Days::Until(last) => day <= last,
            Days::On(only) => day == only,
        }
    }
}

impl Ask {
    /// Steps that a plan for a customer who waits may take: some milliseconds.
    pub const STEPS_MAX: u64 = 4_000_000;
}

impl Default for Ask {
    fn default() -> Self {
        Self { days: Days::Any, without: Vec::new(), steps_max: Self::STEPS_MAX }
    }
}

/// Units that a facility gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share {
    /// Place of the facility in the problem.
    pub facility: u32,
    /// Which item of the problem.
    pub item: u32,
    /// How many units, at least 1.
    pub units: u32,
}

/// What proves that no plan is much cheaper.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificate {
    /// No plan costs less; found by duals and by branching.
    pub lower_bound: i64,
    /// No plan costs less; follows from the duals below alone and is what [`super::verify`] counts again.
    pub dual_bound: i64,
    /// The duals are given in units of `2^-scale_bits` of the cost unit.
    pub scale_bits: u32,
    /// One for each set of days that was looked at: one, or many where all facilities must have one day.
    pub parts: Vec<Part>,
    /// The plan is optimal: `lower_bound` is its cost.
    pub proven: bool,
}

/// Duals for the facilities of some days.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Which days.
    pub days: Days,
    /// By stage, a value for each demand (lines that stay together are one). Each stage rules out the facilities with
    /// which a plan would cost at least as much as the best one, and the next bounds the others.
    pub stages: Vec<Vec<i64>>,
}

/// How many facilities were set aside, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// By the reason the problem gives.
    pub barred: [u32; 16],
    /// Ready on another day than asked.
    pub day: u32,
    /// Named in the question.
    pub without: u32,
    /// None of the items in a quantity that could be used.
    pub empty: u32,
    /// A plan that uses it would not be cheaper.
    pub cost: u32,
    /// None of these: looked at to the end.
    pub looked_at: u32,
}

/// A plan and what is known of it. Cleared and filled again by each solve.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Solution {
    /// Who gives what, ascending by facility and item.
    pub shares: Vec<Share>,
    /// By line: units that nobody gives.
    pub unfilled: Vec<u32>,
    /// What it costs.
    pub cost: i64,
    /// Why nothing is cheaper.
    pub certificate: Certificate,
    /// Elementary steps taken.
    pub steps: u64,
    /// Facilities set aside.
    pub counts: Counts,
}

impl Solution {
    /// Places of the facilities in use, ascending.
    pub fn facilities(&self) -> impl Iterator<Item = u32> + '_ {
        let first = |(at, share): &(usize, &Share)| {
            self.shares[..*at].last().is_none_or(|before| before.facility != share.facility)
        };
        self.shares.iter().enumerate().filter(first).map(|(_, share)| share.facility)
    }
    /// What a better plan could save at most.
    #[must_use]
    pub fn gap(&self) -> i64 {
        self.cost - self.certificate.lower_bound
    }
}
