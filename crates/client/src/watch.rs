//! The streams of the engine, each of which resumes from its last token after a break.

use crate::{Client, Resumed};
use waybill_proto::fulfillment::v1::{SubscribeInstructionsRequest, SubscribeInstructionsResponse};
use waybill_proto::inventory::v1::{WatchAvailabilityRequest, WatchAvailabilityResponse};
use waybill_proto::orders::v1::{
    WatchChangesRequest, WatchChangesResponse, WatchOrderRequest, WatchOrderResponse, WatchOrdersRequest,
    WatchOrdersResponse,
};

macro_rules! streams {
    ($($(#[$doc:meta])* $name:ident = $door:ident.$rpc:ident($request:ident) -> $response:ident;)*) => {
        impl Client {$(
            $(#[$doc])*
            ///
            /// The stream gives an error once, and ends: a refusal such as `OUT_OF_RANGE` for a token that is too old, or
            /// a break longer than [`crate::Retry::outage_max`].
            #[must_use]
            pub fn $name(&self, request: $request) -> Resumed<$response> {
                let door = self.$door();
                let token = request.resume_token.clone();
                Resumed::new(self.retry, token, |message| &message.resume_token, move |token| {
                    let mut door = door.clone();
                    let request = asked_after(&request, token);
                    async move { door.$rpc(request).await }
                })
            }
        )*}
    };
}

trait Resumable: Clone {
    fn set_token(&mut self, token: String);
}

macro_rules! resumable {
    ($($request:ident),*) => {$(impl Resumable for $request {
        fn set_token(&mut self, token: String) {
            self.resume_token = token;
        }
    })*};
}
resumable!(SubscribeInstructionsRequest, WatchAvailabilityRequest, WatchOrderRequest, WatchOrdersRequest);

impl Resumable for WatchChangesRequest {
    fn set_token(&mut self, token: String) {
        // A token stands for all partitions, so it replaces the cursors: the two together are refused.
        if !token.is_empty() {
            self.cursors.clear();
        }
        self.resume_token = token;
    }
}

/// The request as it was first asked, after `token`.
fn asked_after<R: Resumable>(request: &R, token: String) -> R {
    let mut request = request.clone();
    request.set_token(token);
    request
}

streams! {
    /// A node's instructions in number order, at least once.
    subscribe_instructions = fulfillment.subscribe_instructions(SubscribeInstructionsRequest)
        -> SubscribeInstructionsResponse;
    /// Availability: what is, then every change, at least once, in order per SKU.
    watch_availability = inventory.watch_availability(WatchAvailabilityRequest) -> WatchAvailabilityResponse;
    /// One order: as it is, then each new entry of its history.
    watch_order = orders.watch_order(WatchOrderRequest) -> WatchOrderResponse;
    /// What happens to the orders of a customer or a channel from now on, at least once.
    watch_orders = orders.watch_orders(WatchOrdersRequest) -> WatchOrdersResponse;
    /// Every event of every order, at least once, in order per partition. Asked without cursors and token it begins now;
    /// a break before its first message then loses what happened meanwhile.
    watch_changes = orders.watch_changes(WatchChangesRequest) -> WatchChangesResponse;
}

impl Client {
    /// A node's instructions after number `after_number`, 0 for all.
    #[must_use]
    pub fn instructions(&self, node_id: &str, after_number: u64) -> Resumed<SubscribeInstructionsResponse> {
        let node_id = node_id.to_owned();
        self.subscribe_instructions(SubscribeInstructionsRequest {
            node_id,
            after_number,
            ..Default::default()
        })
    }
}
