//! What a usual rule would have decided: to be counted beside what was decided, over the same stock.

use super::Record;
use crate::nearest::nearest_complete;
use crate::network::Network;
use crate::policy::PolicyVersion;
use waybill_types::exchange::Plan;

impl Record {
    /// The plan of [`nearest_complete`] over the network, the policy and the stock of that time; `None` when the question
    /// cannot be asked any more. It says something only of a record that holds all the stock there was.
    #[must_use]
    pub fn by_nearest_complete(&self, network: &Network, policy: &PolicyVersion) -> Option<Plan> {
        let request = self.question(network)?;
        Some(nearest_complete(network, policy, &self.stock(network), &request))
    }
}
