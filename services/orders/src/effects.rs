//! What follows from durable events outside the partitions: who waits is woken, and the planner is asked.

use crate::config::Settings;
use crate::door::Inner;
use crate::metrics as names;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, mpsc};
use waybill_orders::command::{RecordPlan, Unplannable};
use waybill_orders::{Command, Note, Orders, OrdersState, PlanQuestion};
use waybill_replica::{Clock, Failure, Observer, Submission};
use waybill_service_kit::{DoorError, OpenedPerson, Person, Planner, PlannerError, Seal, WaitingRoom};
use waybill_types::exchange::{AskedFor, Delivery, Destination, Plan, PlanRequest};
use waybill_types::{Country, GeoPoint, OrderId, Origin, PostalCode, Timestamp};

/// Whom notes are passed to.
#[derive(Clone)]
pub(crate) struct Ears {
    /// Calls and streams that wait for an order to change.
    pub(crate) changed: WaitingRoom<OrderId>,
    questions: mpsc::UnboundedSender<Box<PlanQuestion>>,
}

impl Ears {
    /// The ears, and what they hear for the planner. Questions are bounded by the orders that are journaled as asking.
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<Box<PlanQuestion>>) {
        let (questions, asked) = mpsc::unbounded_channel();
        (Self { changed: WaitingRoom::default(), questions }, asked)
    }

    /// The observer of one partition. Runs on its task, so it only touches memory.
    pub(crate) fn observer(&self) -> Box<dyn Observer<Orders>> {
        Box::new(self.clone())
    }
}

impl Observer<Orders> for Ears {
    fn committed(&mut self, _: &OrdersState, _: u64, notes: Vec<Note>) {
        for note in notes {
            match note {
                Note::Changed { order, .. } => self.changed.wake(&order),
                // Without a planner's task the engine is stopping; the question is pending and asked again.
                Note::AskPlan(question) => drop(self.questions.send(question)),
            }
        }
    }

    fn followed(&mut self, _: &OrdersState, _: u64, notes: Vec<Note>) {
        for note in notes {
            match note {
                Note::Changed { order, .. } => self.changed.wake(&order),
                // The owner's process asks; where that goes away the question is pending at the next owner.
                Note::AskPlan(_) => {}
            }
        }
    }
}

/// Asks the planner what partitions want planned, and hands the answers in. It does not keep the door open: once that is
/// gone, questions are pending and asked again after the next start.
#[derive(Clone)]
pub(crate) struct Planning {
    pub(crate) door: Weak<Inner>,
    pub(crate) planner: Arc<dyn Planner>,
    pub(crate) clock: Clock,
}

impl Planning {
    /// Runs until the door is gone.
    pub(crate) async fn run(
        self,
        mut questions: mpsc::UnboundedReceiver<Box<PlanQuestion>>,
        settings: Settings,
    ) {
        let permits = Arc::new(Semaphore::new(settings.plans_at_once.max(1)));
        while let Some(question) = questions.recv().await {
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
            let planning = self.clone();
            tokio::spawn(async move {
                planning.answer(&question, &settings).await;
                drop(permit);
            });
        }
    }

    /// Asks until there is an answer, and hands it in until it is taken. A question that is not open any more is
    /// answered for nothing: the machine ignores the answer.
    async fn answer(&self, question: &PlanQuestion, settings: &Settings) {
        let mut backoff = Backoff::new(settings);
        let outcome = loop {
            let Some(door) = self.door.upgrade() else { return };
            let asked = self.ask(&door.seal, question).await;
            drop(door);
            match asked {
                Ok(plan) => break Ok(plan),
                Err(Unasked::Never) => break Err(Unplannable),
                Err(Unasked::Later(why)) => {
                    tracing::debug!(order = %question.order, attempt = question.attempt, %why, "no plan yet");
                    metrics::counter!(names::PLAN_RETRIES).increment(1);
                    backoff.wait().await;
                }
            }
        };
        let mut backoff = Backoff::new(settings);
        while self.hand_in(question, outcome.clone()).await == HandedIn::Busy {
            backoff.wait().await;
        }
    }

    async fn hand_in(&self, question: &PlanQuestion, outcome: Result<Plan, Unplannable>) -> HandedIn {
        let Some(door) = self.door.upgrade() else { return HandedIn::Over };
        let Some(partition) = door.partitions.get(question.order.partition()) else { return HandedIn::Over };
        let recorded = RecordPlan { order: question.order, attempt: question.attempt, outcome };
        let submission = Submission {
            command: Command::RecordPlan(recorded),
            origin: Origin::engine("plan"),
            request: None,
        };
        match partition.submit(submission).await {
            // A partition that has stopped has its question pending and asks it again when it is back.
            Ok(_) | Err(Failure::Unavailable { .. } | Failure::OutcomeUnknown) => HandedIn::Over,
            Err(Failure::Busy { .. }) => HandedIn::Busy,
            Err(failure) => {
                tracing::error!(order = %question.order, %failure, "a plan was not taken");
                HandedIn::Over
            }
        }
    }

    async fn ask(&self, seal: &Seal, question: &PlanQuestion) -> Result<Plan, Unasked> {
        let destination = if ships(question) { Some(open_destination(seal, question)?) } else { None };
        let asked_for = Some(AskedFor { order: question.order, attempt: question.attempt });
        let request = PlanRequest { asked_for, ..request(question, destination, self.clock.now()) };
        let started = Instant::now();
        let answer = self.planner.plan(&request).await;
        metrics::histogram!(names::PLANS).record(started.elapsed().as_secs_f64());
        answer.map_err(|error| match error {
            PlannerError::Unavailable(why) => Unasked::Later(why),
            PlannerError::Malformed(why) => {
                tracing::warn!(order = %question.order, %why, "an order cannot be planned");
                Unasked::Never
            }
        })
    }
}

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HandedIn {
    /// Nothing more to do.
    Over,
    /// No room now.
    Busy,
}

/// True when something of it is sent home.
pub(crate) fn ships(question: &PlanQuestion) -> bool {
    question.lines.iter().any(|line| line.delivery == Delivery::Ship)
}

/// The question as the planner takes it.
pub(crate) fn request(
    question: &PlanQuestion,
    destination: Option<Destination>,
    now: Timestamp,
) -> PlanRequest {
    let now = now.max(question.asked_at);
    PlanRequest {
        lines: question.lines.clone(),
        destination,
        now,
        release_at: question.release_at.unwrap_or(now).max(now),
        excluded: question.excluded.clone(),
        pinned: question.pinned.clone(),
        own: question.own.clone(),
        channel: Some(question.channel.clone()),
        asked_for: None,
    }
}

/// Where the order goes, opened each time it is asked. An erased or missing address can never be planned.
fn open_destination(seal: &Seal, question: &PlanQuestion) -> Result<Destination, Unasked> {
    let sealed = question.recipient.as_ref().ok_or(Unasked::Never)?;
    match seal.open(sealed) {
        Ok(OpenedPerson::Known(person)) => destination(&person).ok_or(Unasked::Never),
        Ok(OpenedPerson::Erased) => Err(Unasked::Never),
        Err(DoorError::Bug { what }) => {
            tracing::error!(order = %question.order, %what, "an address cannot be read");
            Err(Unasked::Never)
        }
        Err(error) => Err(Unasked::Later(error.to_string())),
    }
}

/// Where a person's address is.
pub(crate) fn destination(person: &Person) -> Option<Destination> {
    let address = person.address.as_ref()?;
    let point = address.point.and_then(|(lat, lon)| GeoPoint::new(lat, lon).ok());
    let country = Country::new(&address.country_code).ok()?;
    Some(Destination { country, postal_code: PostalCode::new(&address.postal_code).ok(), point })
}

/// Why a question has no plan.
enum Unasked {
    /// The planner does not answer now.
    Later(String),
    /// There will never be one.
    Never,
}

/// Growing delays.
struct Backoff {
    next_ms: u64,
    max_ms: u64,
}

impl Backoff {
    fn new(settings: &Settings) -> Self {
        Self { next_ms: settings.plan_retry_ms.max(1), max_ms: settings.plan_retry_ms_max.max(1) }
    }
    async fn wait(&mut self) {
        tokio::time::sleep(Duration::from_millis(self.next_ms)).await;
        self.next_ms = (self.next_ms * 2).min(self.max_ms);
    }
}
