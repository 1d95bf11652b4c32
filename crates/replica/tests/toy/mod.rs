//! A toy machine for the runtime's tests: accounts with coins, sent from partition to partition. The sum of all coins,
//! those on their way counted, never changes.

use minicbor::{Decode, Encode};
use waybill_machine::{
    AnyTable, Code, Coded, Context, Decision, Machine, Outbox, ScanOrder, State, Table, Violation,
};
use waybill_types::exchange::Message;
use waybill_types::{Layout, OrderId, OwnerId, PartitionId, Quantity, Service, Sku, Timestamp};

pub(crate) struct Coins;

pub(crate) struct Accounts {
    pub balance: Table<u64, u64>,
    pub timers: Table<(Timestamp, u64), u64>,
}

impl State for Accounts {
    fn tables(&mut self) -> Vec<&mut dyn AnyTable> {
        vec![&mut self.balance, &mut self.timers]
    }
}

#[derive(Encode, Decode)]
pub(crate) enum Command {
    #[n(0)]
    Mint {
        #[n(0)]
        account: u64,
        #[n(1)]
        coins: u64,
    },
    /// Takes coins here and gives them to an account of another partition.
    #[n(1)]
    Send {
        #[n(0)]
        account: u64,
        #[n(1)]
        coins: u64,
        #[n(2)]
        to: PartitionId,
    },
    /// Mints later.
    #[n(2)]
    MintAt {
        #[n(0)]
        account: u64,
        #[n(1)]
        coins: u64,
        #[n(2)]
        due: Timestamp,
    },
    #[n(3)]
    Arrived {
        #[n(0)]
        account: u64,
        #[n(1)]
        coins: u64,
    },
    #[n(4)]
    Due,
    #[n(5)]
    Explode,
    /// Mints for an account that has nothing; one that has something stays as it is.
    #[n(6)]
    Found {
        #[n(0)]
        account: u64,
        #[n(1)]
        coins: u64,
    },
}

#[derive(Encode, Decode)]
pub(crate) enum Event {
    #[n(0)]
    Minted(#[n(0)] u64, #[n(1)] u64),
    #[n(1)]
    Sent(#[n(0)] u64, #[n(1)] u64, #[n(2)] PartitionId),
    #[n(2)]
    Planned(#[n(0)] u64, #[n(1)] u64, #[n(2)] Timestamp),
    #[n(3)]
    Arrived(#[n(0)] u64, #[n(1)] u64),
    #[n(4)]
    Fired(#[n(0)] u64, #[n(1)] u64, #[n(2)] Timestamp),
}

#[derive(Debug, Clone, Encode, Decode, thiserror::Error)]
#[error("account {account} has {has}, asked for {asked}")]
pub(crate) struct Poor {
    #[n(0)]
    pub account: u64,
    #[n(1)]
    pub has: u64,
    #[n(2)]
    pub asked: u64,
}

impl Coded for Poor {
    fn code(&self) -> Code {
        Code::Short
    }
    fn reason(&self) -> &'static str {
        "POOR"
    }
}

impl Machine for Coins {
    const SERVICE: Service = Service::Orders;
    type State = Accounts;
    type Command = Command;
    type Event = Event;
    type Answer = u64;
    type Refusal = Poor;
    type Note = u64;

    fn create(_: PartitionId, _: Layout) -> Accounts {
        Accounts { balance: Table::new(1), timers: Table::resident(2) }
    }

    fn decide(state: &Accounts, command: &Command, cx: &Context<'_>) -> Result<Decision<Event, u64>, Poor> {
        let has = |account: u64| state.balance.get(&account).map_or(0, |coins| *coins);
        Ok(match *command {
            Command::Mint { account, coins } => {
                Decision::new(vec![Event::Minted(account, coins)], has(account) + coins)
            }
            Command::Arrived { account, coins } => {
                Decision::new(vec![Event::Arrived(account, coins)], has(account) + coins)
            }
            Command::Send { account, coins, to } => {
                if has(account) < coins {
                    return Err(Poor { account, has: has(account), asked: coins });
                }
                Decision::new(vec![Event::Sent(account, coins, to)], has(account) - coins)
            }
            Command::MintAt { account, coins, due } => {
                Decision::new(vec![Event::Planned(account, coins, due)], has(account))
            }
            Command::Due => {
                let due = state.timers.scan(&(), None, ScanOrder::Ascending, 10);
                let due = due.into_iter().filter(|((at, _), _)| *at <= cx.at);
                Decision::new(
                    due.map(|((at, account), coins)| Event::Fired(account, *coins, at)).collect(),
                    0,
                )
            }
            Command::Found { account, .. } if has(account) > 0 => Decision::new(Vec::new(), has(account)),
            Command::Found { account, coins } => Decision::new(vec![Event::Minted(account, coins)], coins),
            Command::Explode => panic!("a bug in a machine"),
        })
    }

    fn apply(state: &mut Accounts, event: &Event, _: &Context<'_>, out: &mut Outbox<u64>) {
        match *event {
            Event::Minted(account, coins) | Event::Arrived(account, coins) => {
                state.balance.upsert(&account, |balance| *balance += coins);
                out.note(account);
            }
            Event::Sent(account, coins, to) => {
                state.balance.update(&account, |balance| *balance -= coins);
                let sku = Sku::new("coin").unwrap();
                out.send(
                    to,
                    Message::AwaitStock {
                        order: OrderId::from_u64(account),
                        sku,
                        owner: OwnerId::main(),
                        quantity: Quantity::of(coins),
                        priority: 0,
                        since: Timestamp::ZERO,
                    },
                );
            }
            Event::Planned(account, coins, due) => state.timers.put(&(due, account), coins),
            Event::Fired(account, coins, due) => {
                state.timers.remove(&(due, account));
                state.balance.upsert(&account, |balance| *balance += coins);
            }
        }
    }

    fn receive(_: PartitionId, message: Message) -> Command {
        match message {
            Message::AwaitStock { order, quantity, .. } => {
                Command::Arrived { account: order.as_u64(), coins: quantity.units() }
            }
            other => panic!("not a coin: {other:?}"),
        }
    }

    fn is_repeatable(command: &Command) -> bool {
        matches!(command, Command::Found { .. })
    }

    fn tick() -> Command {
        Command::Due
    }

    fn next_due(state: &Accounts) -> Option<Timestamp> {
        state.timers.scan(&(), None, ScanOrder::Ascending, 1).first().map(|((due, _), _)| *due)
    }

    fn pending(_: &Accounts) -> Vec<u64> {
        Vec::new()
    }

    fn audit(_: &Accounts, _: &mut dyn FnMut(&'static str, u64)) -> Vec<Violation> {
        Vec::new()
    }
}

/// All coins of a state.
pub(crate) fn coins(state: &Accounts) -> u64 {
    let mut sum = 0;
    state.balance.for_each(|_, coins| sum += coins);
    sum
}
