//! Bulk feeds: a whole feed is one request, and after a break it is sent again from its start with the same id.

use crate::{Client, request_id};
use tonic::Status;
use waybill_proto::inventory::v1::{ImportStockRequest, ImportStockResponse};
use waybill_proto::orders::v1::{ImportOrdersRequest, ImportOrdersResponse};

impl Client {
    /// Sends a feed of absolute counts and waits until all rows are durable. The first message names the source; an
    /// empty `request_id` in it is filled. The messages are kept until the answer is there, so cut large files into
    /// several feeds.
    ///
    /// # Errors
    /// The server's refusal of the feed as a whole, or the last fault when patience ended. Refused rows are no error:
    /// they are in the answer.
    pub async fn import_stock(
        &self,
        mut feed: Vec<ImportStockRequest>,
    ) -> Result<ImportStockResponse, Status> {
        if let Some(first) = feed.first_mut() {
            request_id::fill(&mut first.request_id);
        }
        let door = self.inventory();
        let send = || {
            let (mut door, feed) = (door.clone(), feed.clone());
            async move { door.import_stock(futures::stream::iter(feed)).await }
        };
        self.retry.run(send).await
    }

    /// Sends a feed of finished orders and waits until all rows are durable. As [`Self::import_stock`].
    ///
    /// # Errors
    /// As [`Self::import_stock`].
    pub async fn import_orders(
        &self,
        mut feed: Vec<ImportOrdersRequest>,
    ) -> Result<ImportOrdersResponse, Status> {
        if let Some(first) = feed.first_mut() {
            request_id::fill(&mut first.request_id);
        }
        let door = self.orders();
        let send = || {
            let (mut door, feed) = (door.clone(), feed.clone());
            async move { door.import_orders(futures::stream::iter(feed)).await }
        };
        self.retry.run(send).await
    }
}
