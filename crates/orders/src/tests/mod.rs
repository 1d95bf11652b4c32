//! Tests of the order machine: scenarios told as given events, when command, then events or refusal; and random
//! histories against the laws, in a world with a small stock keeper, planner and nodes.

mod amend_moves;
mod amend_prices;
mod amending;
mod build;
mod cancel;
mod cancel_approval;
mod delivery_charge;
mod exceptions;
mod exchanges;
mod flow;
mod holds;
mod law_amends;
mod law_returns;
mod laws;
mod money;
mod money_changes;
mod nodes;
mod place;
mod recalls;
mod refusals;
mod restart;
mod returns;
mod returns_amid;
mod stored;
mod world;
mod world_nodes;
mod world_returns;
