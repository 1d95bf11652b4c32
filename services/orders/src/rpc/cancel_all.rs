//! CancelOrders: a job that cancels every order a filter finds, each once, at the pace that was asked for. It goes
//! through the partitions one after the other, newest orders first, and its token is the place it has reached.

use super::cancel::results;
use super::find::{Hit, Place, Search};
use crate::door::Inner;
use crate::from_proto::find::{Filter, filter};
use crate::metrics as names;
use crate::to_proto;
use minicbor::{Decode, Encode};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use waybill_machine::{Coded, Content};
use waybill_orders::command::Cancel;
use waybill_orders::{Answer, Command, Refusal};
use waybill_proto::orders::v1 as proto;
use waybill_replica::{Accepted, Failure};
use waybill_service_kit::{Caller, DoorError, Fields, OpenStream, Write, failed, opaque};
use waybill_types::{ExternalNumber, OrderId, PartitionId, Reason, RequestId, Timestamp};

pub(crate) type CancelStream = ReceiverStream<Result<proto::CancelOrdersResponse, Status>>;

/// Orders per second where the caller does not say.
const USUAL_PER_SECOND: u32 = 100;
const PER_SECOND_MAX: u32 = 10_000;
/// Orders looked for at once.
const PART: usize = 32;

/// Where a job is.
#[derive(Clone, Copy, Debug, Encode, Decode)]
struct Reached {
    /// When it began; orders that came later are left out.
    #[n(0)]
    began_at: Timestamp,
    /// Index of the partition it is in.
    #[n(1)]
    partition: u16,
    /// Where the search goes on there.
    #[n(2)]
    place: u64,
}

/// A job as it was asked for.
struct Job {
    door: Arc<Inner>,
    caller: Caller,
    request: RequestId,
    reason: Reason,
    wanted: Arc<Filter>,
    /// Ties tokens to this job.
    kind: String,
}

pub(crate) async fn cancel_all(
    door: &Arc<Inner>,
    caller: Caller,
    message: proto::CancelOrdersRequest,
) -> Result<CancelStream, Status> {
    let mut fields = Fields::new();
    let request = fields.request_id(&message.request_id);
    let reason = fields.reason(&message.reason);
    let wanted = match &message.filter {
        Some(given) => {
            let mut part = Fields::new();
            let wanted = filter(&mut part, &door.seal, given);
            for (field, given) in [
                ("page_size", given.page_size != 0),
                ("page_token", !given.page_token.is_empty()),
                ("after", !given.after.is_empty()),
            ] {
                if given {
                    part.wrong(field, "is given; leave it empty, a job has no pages");
                }
            }
            fields.under("filter", part);
            wanted
        }
        None => {
            fields.wrong("filter", "is required");
            None
        }
    };
    let per_second = match message.orders_per_second {
        0 => Some(USUAL_PER_SECOND),
        rate if rate <= PER_SECOND_MAX => Some(rate),
        rate => {
            fields.wrong("orders_per_second", format!("is {rate}, must be 0 to {PER_SECOND_MAX}"));
            None
        }
    };
    let ((request, reason), (wanted, per_second)) =
        fields.finish(request.zip(reason).zip(wanted.zip(per_second)))?;
    let kind = format!("cancel job {request} of orders that match {wanted:?}");
    let reached = match message.resume_token.as_str() {
        "" => None,
        token => Some(opaque::open::<Reached>(&kind, "resume_token", token)?),
    };
    let job = Job { door: Arc::clone(door), caller, request, reason, wanted: Arc::new(wanted), kind };
    let reached = match reached {
        Some(reached) => reached,
        None => Reached { began_at: job.begin().await?, partition: 0, place: Place::Newest.number() },
    };
    let mut pace = interval(Duration::from_secs(1) / per_second);
    // Never faster than asked, also after somebody was slow to listen.
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (sender, receiver) = mpsc::channel(door.settings.stream_buffer.max(1));
    tokio::spawn(job.run(reached, pace, sender));
    Ok(ReceiverStream::new(receiver))
}

type Sender = mpsc::Sender<Result<proto::CancelOrdersResponse, Status>>;

impl Job {
    /// When the job began: when it was first asked for, however often it is.
    async fn begin(&self) -> Result<Timestamp, Status> {
        // Any partition may keep the answer, so long as a retry finds it.
        let number =
            ExternalNumber::new(self.request.as_str()).map_err(|e| DoorError::malformed("request_id", &e))?;
        let home = self.door.layout.order_home(&self.caller.channel, &number);
        let content = Content::new().with("filter", &format!("{:?}", self.wanted));
        let begun = self.door.write(home, self.write(b"cancel job".to_vec(), content), Command::BeginJob);
        match begun.await?.answer {
            Answer::JobBegun { at } => Ok(at),
            other => Err(Inner::unexpected("a job", &other)),
        }
    }

    fn write(&self, target: Vec<u8>, content: Content) -> Write {
        let (caller, request, reason) = (self.caller.clone(), self.request.clone(), self.reason.clone());
        Write { caller, request, reason, target, content }
    }

    async fn run(self, reached: Reached, mut pace: Interval, sender: Sender) {
        let _open = OpenStream::count(names::STREAMS);
        if let Err(status) = self.go_on(reached, &mut pace, &sender).await {
            // A caller that went away needs no reason.
            let _ = sender.send(Err(status)).await;
        }
    }

    /// Goes through the partitions from where the job is. Ends when nobody listens.
    async fn go_on(&self, mut reached: Reached, pace: &mut Interval, sender: &Sender) -> Result<(), Status> {
        let partitions: Vec<PartitionId> = self.door.everywhere().collect();
        let rows_max = self.door.settings.find_rows_max;
        let search = Search { door: &self.door, wanted: Arc::clone(&self.wanted), size: PART, rows_max };
        while let Some(partition) = partitions.get(usize::from(reached.partition)) {
            let (hits, next) = search.part(*partition, Place::from_number(reached.place)).await?;
            for hit in hits.iter().filter(|hit| hit.at <= reached.began_at) {
                tokio::select! {
                    _ = pace.tick() => {}
                    () = sender.closed() => return Ok(()),
                }
                reached.place = Place::OlderThan(hit.id).number();
                let told = self.cancel(hit, &reached).await?;
                if sender.send(Ok(told)).await.is_err() {
                    return Ok(());
                }
            }
            match next {
                Place::Done => {
                    reached.partition += 1;
                    reached.place = Place::Newest.number();
                }
                place => reached.place = place.number(),
            }
            if sender.is_closed() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Cancels one order. That an order refuses is a result; that nobody can say is the end of the stream.
    async fn cancel(&self, hit: &Hit, reached: &Reached) -> Result<proto::CancelOrdersResponse, Status> {
        let mut told = proto::CancelOrdersResponse {
            order_id: hit.id.to_string(),
            resume_token: opaque::seal(&self.kind, reached),
            ..Default::default()
        };
        match self.submit(hit.id).await? {
            Ok(Accepted { answer: Answer::Cancelled { status, lines, amendment, .. }, token }) => {
                told.token = token.to_string();
                told.lines = results(&lines, amendment);
                told.amendment = amendment.unwrap_or(0);
                told.set_status(to_proto::status(status));
            }
            Ok(other) => return Err(Inner::unexpected("a cancel", &other.answer)),
            Err(refusal) => {
                told.set_status(to_proto::status(waybill_orders::status(&hit.order)));
                (told.refusal, told.message) = (refusal.reason().to_owned(), refusal.to_string());
            }
        }
        Ok(told)
    }

    /// A full queue is waited for: a job is in no hurry, and callers of the shop go first.
    async fn submit(&self, order: OrderId) -> Result<Result<Accepted<Answer>, Refusal>, Status> {
        let partition = self.door.partition(order.partition())?;
        loop {
            let write = self.write(format!("cancel of order {order} by a job").into_bytes(), Content::new());
            let cancel = Cancel { order, expected_revision: None, lines: Vec::new() };
            match partition.submit(write.submission(Command::Cancel(cancel))).await {
                Ok(accepted) => return Ok(Ok(accepted)),
                Err(Failure::Refused(refusal)) => return Ok(Err(refusal)),
                Err(Failure::Busy { retry_after_ms, .. }) => {
                    tokio::time::sleep(Duration::from_millis(retry_after_ms)).await;
                }
                Err(failure) => return Err(failed(&failure)),
            }
        }
    }
}
