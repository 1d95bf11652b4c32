//! A server of orders that can refuse, hold its answers, end its streams, be killed and come back on the same port.

use futures::stream::{BoxStream, StreamExt};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tonic_types::{ErrorDetails, StatusExt};
use waybill_client::proto::orders::v1::orders_service_server::{OrdersService, OrdersServiceServer};
use waybill_client::proto::orders::v1::*;

/// The server, as the test sees it.
pub(crate) struct Desk {
    address: SocketAddr,
    state: Arc<State>,
    /// The server has threads of its own, so that its end is the end of its connections too.
    running: Option<Runtime>,
    health: Option<HealthReporter>,
}

struct State {
    seen: Mutex<Seen>,
    asked: watch::Sender<usize>,
    /// Events published so far: event n has revision n and token "n".
    events: watch::Sender<u64>,
    /// Rises to end every stream that is open.
    ends: watch::Sender<u64>,
}

#[derive(Default)]
struct Seen {
    refuse: u32,
    unavailable: u32,
    hold: bool,
    request_ids: Vec<String>,
    callers: Vec<String>,
    tokens: Vec<String>,
}

impl Drop for Desk {
    fn drop(&mut self) {
        if let Some(runtime) = self.running.take() {
            runtime.shutdown_background();
        }
    }
}

impl Desk {
    pub(crate) async fn open() -> Self {
        let state = State {
            seen: Mutex::default(),
            asked: watch::Sender::new(0),
            events: watch::Sender::new(0),
            ends: watch::Sender::new(0),
        };
        let mut desk =
            Self { address: ([127, 0, 0, 1], 0).into(), state: Arc::new(state), running: None, health: None };
        desk.reopen().await;
        desk
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves again; answers are no longer held.
    pub(crate) async fn reopen(&mut self) {
        self.state.seen.lock().unwrap().hold = false;
        let listener = std::net::TcpListener::bind(self.address).unwrap();
        listener.set_nonblocking(true).unwrap();
        self.address = listener.local_addr().unwrap();
        let service = OrdersServiceServer::new(Service(Arc::clone(&self.state)));
        let (health, told) = tonic_health::server::health_reporter();
        health.set_service_status("", ServingStatus::Serving).await;
        self.health = Some(health);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.spawn(async move {
            let incoming = TcpIncoming::from(TcpListener::from_std(listener).unwrap());
            Server::builder()
                .add_service(service)
                .add_service(told)
                .serve_with_incoming(incoming)
                .await
                .unwrap();
        });
        self.running = Some(runtime);
    }

    /// Ends the server and its connections in the middle of whatever they do.
    pub(crate) async fn kill(&mut self) {
        let runtime = self.running.take().unwrap();
        let ended = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(Duration::from_secs(10)));
        ended.await.unwrap();
    }

    pub(crate) fn refuse_next(&self, calls: u32) {
        self.state.seen.lock().unwrap().refuse = calls;
    }

    /// Answers that it cannot answer, as a process without an owner's word does.
    pub(crate) fn unavailable_next(&self, calls: u32) {
        self.state.seen.lock().unwrap().unavailable = calls;
    }

    /// What its health service says from now on.
    pub(crate) async fn says(&self, status: ServingStatus) {
        self.health.as_ref().unwrap().set_service_status("", status).await;
    }

    pub(crate) fn hold(&self) {
        self.state.seen.lock().unwrap().hold = true;
    }

    pub(crate) fn publish(&self) {
        self.state.events.send_modify(|events| *events += 1);
    }

    pub(crate) fn end_streams(&self) {
        self.state.ends.send_modify(|ends| *ends += 1);
    }

    pub(crate) async fn until_asked(&self, calls: usize) {
        self.state.asked.subscribe().wait_for(|asked| *asked >= calls).await.unwrap();
    }

    pub(crate) fn request_ids(&self) -> Vec<String> {
        self.state.seen.lock().unwrap().request_ids.clone()
    }

    pub(crate) fn callers(&self) -> Vec<String> {
        self.state.seen.lock().unwrap().callers.clone()
    }

    pub(crate) fn tokens(&self) -> Vec<String> {
        self.state.seen.lock().unwrap().tokens.clone()
    }
}

struct Service(Arc<State>);

impl Service {
    fn note<T>(&self, request: &Request<T>) {
        let text = |key| request.metadata().get(key).map_or("", |value| value.to_str().unwrap()).to_owned();
        let caller = [text("waybill-channel"), text("waybill-actor"), text("waybill-role")].join("/");
        self.0.seen.lock().unwrap().callers.push(caller);
    }

    /// Refuses, holds, or lets the write through.
    async fn write(&self, request_id: &str) -> Result<(), Status> {
        let hold = {
            let mut seen = self.0.seen.lock().unwrap();
            seen.request_ids.push(request_id.to_owned());
            if seen.refuse > 0 {
                seen.refuse -= 1;
                let details = ErrorDetails::with_retry_info(Some(Duration::from_millis(1)));
                return Err(Status::with_error_details(Code::ResourceExhausted, "busy", details));
            }
            if seen.unavailable > 0 {
                seen.unavailable -= 1;
                return Err(Status::unavailable("no owner answers"));
            }
            seen.hold
        };
        self.0.asked.send_modify(|asked| *asked += 1);
        if hold {
            std::future::pending::<()>().await;
        }
        Ok(())
    }

    /// Numbers after `token` as they are published, until the streams are ended.
    fn numbers(&self, token: String) -> Result<BoxStream<'static, u64>, Status> {
        self.0.seen.lock().unwrap().tokens.push(token.clone());
        let after = match token.as_str() {
            "" => 0,
            token => token.parse().map_err(|_| Status::out_of_range("too old"))?,
        };
        let (events, ends) = (self.0.events.subscribe(), self.0.ends.subscribe());
        let numbers =
            futures::stream::unfold((after, events, ends), |(after, mut events, mut ends)| async move {
                let published = tokio::select! {
                    _ = ends.changed() => false,
                    found = events.wait_for(|events| *events > after) => found.is_ok(),
                };
                published.then_some((after + 1, (after + 1, events, ends)))
            });
        Ok(numbers.boxed())
    }
}

type Watching<T> = BoxStream<'static, Result<T, Status>>;

#[tonic::async_trait]
impl OrdersService for Service {
    type WatchOrderStream = Watching<WatchOrderResponse>;
    type WatchChangesStream = Watching<WatchChangesResponse>;
    type CancelOrdersStream = Watching<CancelOrdersResponse>;
    type WatchOrdersStream = Watching<WatchOrdersResponse>;

    async fn place_order(
        &self,
        request: Request<PlaceOrderRequest>,
    ) -> Result<Response<PlaceOrderResponse>, Status> {
        self.note(&request);
        self.write(&request.get_ref().request_id).await?;
        Ok(Response::new(PlaceOrderResponse::default()))
    }

    async fn get_order(
        &self,
        request: Request<GetOrderRequest>,
    ) -> Result<Response<GetOrderResponse>, Status> {
        self.note(&request);
        Err(Status::not_found("no such order"))
    }

    async fn watch_order(
        &self,
        request: Request<WatchOrderRequest>,
    ) -> Result<Response<Self::WatchOrderStream>, Status> {
        let numbers = self.numbers(request.into_inner().resume_token)?;
        let updates = numbers.map(|number| {
            Ok(WatchOrderResponse {
                revision: number,
                resume_token: number.to_string(),
                ..Default::default()
            })
        });
        Ok(Response::new(updates.boxed()))
    }

    async fn watch_changes(
        &self,
        request: Request<WatchChangesRequest>,
    ) -> Result<Response<Self::WatchChangesStream>, Status> {
        let request = request.into_inner();
        if !request.cursors.is_empty() && !request.resume_token.is_empty() {
            return Err(Status::invalid_argument("cursors and token"));
        }
        let changes = self.numbers(request.resume_token)?;
        let changes = changes.map(|number| {
            Ok(WatchChangesResponse { resume_token: number.to_string(), ..Default::default() })
        });
        Ok(Response::new(changes.boxed()))
    }

    async fn import_orders(
        &self,
        request: Request<Streaming<ImportOrdersRequest>>,
    ) -> Result<Response<ImportOrdersResponse>, Status> {
        let messages: Vec<_> = request.into_inner().collect().await;
        let first = messages.first().unwrap().as_ref().unwrap();
        self.write(&first.request_id).await?;
        let received_count = messages.len() as u64;
        Ok(Response::new(ImportOrdersResponse { received_count, ..Default::default() }))
    }

    async fn find_orders(
        &self,
        _: Request<FindOrdersRequest>,
    ) -> Result<Response<FindOrdersResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn cancel_order(
        &self,
        _: Request<CancelOrderRequest>,
    ) -> Result<Response<CancelOrderResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn get_timeline(
        &self,
        _: Request<GetTimelineRequest>,
    ) -> Result<Response<GetTimelineResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn cancel_orders(
        &self,
        _: Request<CancelOrdersRequest>,
    ) -> Result<Response<Self::CancelOrdersStream>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn watch_orders(
        &self,
        _: Request<WatchOrdersRequest>,
    ) -> Result<Response<Self::WatchOrdersStream>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn place_order_hold(
        &self,
        _: Request<PlaceOrderHoldRequest>,
    ) -> Result<Response<PlaceOrderHoldResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn resolve_order_hold(
        &self,
        _: Request<ResolveOrderHoldRequest>,
    ) -> Result<Response<ResolveOrderHoldResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn answer_exception(
        &self,
        _: Request<AnswerExceptionRequest>,
    ) -> Result<Response<AnswerExceptionResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn list_exceptions(
        &self,
        _: Request<ListExceptionsRequest>,
    ) -> Result<Response<ListExceptionsResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn erase_subject(
        &self,
        _: Request<EraseSubjectRequest>,
    ) -> Result<Response<EraseSubjectResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }
}
