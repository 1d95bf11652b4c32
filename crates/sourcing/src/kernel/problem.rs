//! The problem as the kernel reads it: lines, facilities, and what each facility could give to each line at what cost.
//! Whole numbers in tables that lie in one piece and are used again and again. It knows no network, no SKU and no day
//! of the calendar: whoever gathers it gives everything a number.

/// Why a problem cannot be solved as it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Facilities are not in strictly ascending order of id, or their nodes not in ascending order.
    #[error("facility {0} does not come after the one before it by id and node")]
    Unsorted(u32),
    /// A line asks for nothing, or its group cannot be kept as told.
    #[error("line {0}: the quantity is 0, or its group has substitutes, or it is no multiple of its bundle")]
    Line(u32),
    /// A lot names a facility or an item that is not there, or one pair twice.
    #[error(
        "lot {0} names a facility or an item that the problem does not have, or is not in ascending order"
    )]
    Lot(u32),
    /// Costs or quantities are so large that sums might not fit.
    #[error("costs and quantities need {0} bits to be added up, 62 are there: tell them in a coarser unit")]
    TooLarge(u32),
    /// The exact search over sets of lines was asked for and there are too many of them.
    #[error("the sets of units of these lines number {0}, at most {1} can be gone through")]
    TooManySets(u64, u64),
}

/// Which units of the order must stay together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bond {
    /// None: units may come from several facilities.
    #[default]
    Free,
    /// All units of the line come from one facility, or are unfilled.
    Whole,
    /// All units of all lines of this group come from one facility, or are unfilled.
    Together(u32),
    /// `each` units of this line go into one bundle of the group; a bundle is not divided.
    Bundle {
        /// Which bundle.
        group: u32,
        /// Units of this line in one bundle, at least 1.
        each: u32,
    },
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Units, at least 1.
    pub quantity: u32,
    /// The cost of one unit that nobody gives.
    pub unfilled: i64,
    /// What must stay together.
    pub bond: Bond,
}

/// Whether using a facility makes a shipment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// It sends a shipment, which counts against the limit.
    #[default]
    Ship,
    /// It stands for something else, such as a backorder, and counts against no limit.
    Virtual,
}

/// A way of serving: a node with a service and a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facility {
    /// Strictly ascending from facility to facility; ties between plans go to the lower one.
    pub id: u32,
    /// The node it belongs to; ascending from facility to facility.
    pub node: u32,
    /// The cost of using it at all, however much it gives; may be negative. A facility in use gives at least one unit.
    pub fixed: i64,
    /// The day on which what it gives is there, by any count of days.
    pub day: u32,
    /// Whether it sends a shipment.
    pub kind: Kind,
    /// A reason to leave it out, 1 to 15; 0 is none. It is counted and never used.
    pub barred: u8,
}

/// What all facilities of a plan must have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Complete {
    /// Nothing.
    #[default]
    No,
    /// One facility gives everything, or everything is unfilled.
    OneFacility,
    /// All facilities have one day, and nothing is unfilled; or everything is.
    OneDay,
}

/// What a plan must keep besides stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// At most so many facilities that ship.
    pub shipments_max: u32,
    /// What the whole order must have in common.
    pub complete: Complete,
    /// At most one facility of each node.
    pub one_per_node: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { shipments_max: u32::MAX, complete: Complete::No, one_per_node: false }
    }
}

/// Units that several facilities or items draw on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lot {
    pub(crate) stock: u32,
    pub(crate) begin: u32,
    pub(crate) end: u32,
}

/// A problem. [`Problem::clear`] empties it and keeps its memory.
#[derive(Clone, Debug, Default)]
pub struct Problem {
    pub(crate) lines: Vec<Line>,
    /// By item: the line it serves; ascending.
    pub(crate) item_line: Vec<u32>,
    pub(crate) facilities: Vec<Facility>,
    /// By facility and item: the cost of a unit.
    pub(crate) costs: Vec<i64>,
    /// By facility and item: how many units there are.
    pub(crate) stock: Vec<u32>,
    pub(crate) lots: Vec<Lot>,
    /// Facility and item.
    pub(crate) members: Vec<(u32, u32)>,
    /// What a plan must keep besides stock.
    pub limits: Limits,
}

impl Problem {
    /// An empty problem.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes everything away, and keeps the memory for the next problem.
    pub fn clear(&mut self) {
        self.lines.clear();
        self.item_line.clear();
        self.facilities.clear();
        self.costs.clear();
        self.stock.clear();
        self.lots.clear();
        self.members.clear();
        self.limits = Limits::default();
    }

    /// Adds a line with `items` different things that can serve it: one, and more where there are substitutes. All
    /// lines come before the first facility. Returns the number of its first item.
    pub fn add_line(&mut self, line: Line, items: u32) -> u32 {
        let first = self.item_line.len() as u32;
        let number = self.lines.len() as u32;
        self.lines.push(line);
        self.item_line.extend((0..items.max(1)).map(|_| number));
        first
    }

    /// Adds a facility and gives its row to be filled: by item, the cost of a unit and the units there are, all 0.
    pub fn add_facility(&mut self, facility: Facility) -> (&mut [i64], &mut [u32]) {
        let begin = self.costs.len();
        self.facilities.push(facility);
        self.costs.resize(begin + self.item_line.len(), 0);
        self.stock.resize(begin + self.item_line.len(), 0);
        (&mut self.costs[begin..], &mut self.stock[begin..])
    }

    /// Says that some (facility, item) pairs, by their place and in ascending order, draw on the same `stock` units
    /// together.
    pub fn add_lot(&mut self, stock: u32, members: &[(u32, u32)]) {
        let begin = self.members.len() as u32;
        self.members.extend_from_slice(members);
        self.lots.push(Lot { stock, begin, end: self.members.len() as u32 });
    }

    /// The lines.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }
    /// The line that each item serves.
    #[must_use]
    pub fn items(&self) -> &[u32] {
        &self.item_line
    }
    /// The facilities.
    #[must_use]
    pub fn facilities(&self) -> &[Facility] {
        &self.facilities
    }
    /// The cost of one unit of an item from a facility.
    #[must_use]
    pub fn unit_cost(&self, facility: usize, item: usize) -> i64 {
        self.costs[facility * self.item_line.len() + item]
    }
    /// Says how many units of an item a facility has, and returns how many it had.
    pub fn set_units(&mut self, facility: usize, item: usize, units: u32) -> u32 {
        let width = self.item_line.len();
        std::mem::replace(&mut self.stock[facility * width + item], units)
    }
    /// The units of an item at a facility.
    #[must_use]
    pub fn units_at(&self, facility: usize, item: usize) -> u32 {
        self.stock[facility * self.item_line.len() + item]
    }
    /// Lots: their stock, and the (facility, item) pairs that draw on it.
    pub fn lots(&self) -> impl Iterator<Item = (u32, &[(u32, u32)])> {
        self.lots.iter().map(|lot| (lot.stock, &self.members[lot.begin as usize..lot.end as usize]))
    }
    pub(crate) fn lot(&self, lot: &Lot) -> &[(u32, u32)] {
        &self.members[lot.begin as usize..lot.end as usize]
    }

    /// Checks what [`Solver::solve`](super::Solver::solve) takes for granted, besides the size of numbers.
    ///
    /// # Errors
    /// [`Malformed`] with the first fault.
    pub fn check(&self) -> Result<(), Malformed> {
        for (at, pair) in self.facilities.windows(2).enumerate() {
            if pair[0].id >= pair[1].id || pair[0].node > pair[1].node {
                return Err(Malformed::Unsorted(at as u32 + 1));
            }
        }
        for number in 0..self.lines.len() {
            if !self.line_is_sound(number) {
                return Err(Malformed::Line(number as u32));
            }
        }
        for (number, (_, members)) in self.lots().enumerate() {
            let known = |(facility, item): &(u32, u32)| {
                (*facility as usize) < self.facilities.len() && (*item as usize) < self.item_line.len()
            };
            if !members.iter().all(known) || !members.is_sorted_by(|a, b| a < b) {
                return Err(Malformed::Lot(number as u32));
            }
        }
        Ok(())
    }

    fn line_is_sound(&self, number: usize) -> bool {
        let line = self.lines[number];
        let items = || self.item_line.iter().filter(|of| **of as usize == number).count();
        line.quantity > 0
            && match line.bond {
                Bond::Free | Bond::Whole => true,
                Bond::Together(_) => items() == 1,
                Bond::Bundle { group, each } => {
                    let count = |line: &Line| match line.bond {
                        Bond::Bundle { group: other, each } if other == group => {
                            Some(line.quantity.checked_div(each))
                        }
                        _ => None,
                    };
                    let whole = each > 0 && line.quantity.is_multiple_of(each);
                    let mut counts = self.lines.iter().filter_map(count);
                    whole && items() == 1 && counts.all(|other| other == Some(line.quantity / each))
                }
            }
    }
}
