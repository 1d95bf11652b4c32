//! Customers' records on disk: they survive what kills an engine and what restores one, requests are remembered with them,
//! and an erased person is nowhere. It looks from outside.

#[path = "customers/commands.rs"]
mod commands;

use anyhow::{Context, ensure};
use std::path::Path;
use tonic::Request;
use waybill_integration_tests::engine::{Engine, Setting, run};
use waybill_integration_tests::plain::{holding, nowhere};
use waybill_integration_tests::retailer::{Shape, order};
use waybill_integration_tests::world::{World, from_channel};
use waybill_proto::customers::v1::customers_service_client::CustomersServiceClient;
use waybill_proto::customers::v1::{
    Contact, ContactKind, CustomerProfile, EraseCustomerRequest, Feedback, FeedbackKind,
    FindCustomersRequest, GetCustomerViewRequest, GetCustomerViewResponse, IdentityKind, IdentityValue,
    LinkIdentityRequest, MergeCustomersRequest, RecordContactRequest, RecordFeedbackRequest,
    SetCustomerProfileRequest, SplitCustomerRequest, get_customer_view_request,
};
use waybill_proto::orders::v1::{PlaceMode, PlaceOrderRequest};

type Customers = CustomersServiceClient<tonic::transport::Channel>;

const SHAPE: Shape = Shape { nodes: 1, items: 1, stock: 50 };
const NAME: &str = "Ottilie Wintergreen";
const PHONE: &str = "+4930888765432";
const EMAIL: &str = "ottilie.winter@planted.example";
const CARD: &str = "WINTER-0815";
const SOCIAL: &str = "wechat:oWintergreen";
const NOTE: &str = "rang about the frostbitten kettle";
const WORDS: &str = "the kettle whistles in the wrong key";
/// Nothing of these may be found; what is not personal must be found, or the search proves nothing.
const PLANTED: [&str; 10] = [
    NAME,
    "Wintergreen",
    "30888765432",
    "ottilie.winter",
    CARD,
    "WINTER0815",
    "winter0815",
    "oWintergreen",
    NOTE,
    WORDS,
];
const TIER: &str = "tier-findable-gold";

fn identity(kind: IdentityKind, value: &str) -> IdentityValue {
    IdentityValue { kind: kind.into(), value: value.into() }
}

async fn link(customers: &mut Customers, id: &str, to: &str, known: IdentityValue) -> anyhow::Result<String> {
    let request = LinkIdentityRequest {
        request_id: id.into(),
        customer_id: to.into(),
        identity: Some(known),
        verified: true,
        ..Default::default()
    };
    let linked = customers.link_identity(from_channel("call_center", request)).await?;
    Ok(linked.into_inner().customer_id)
}

async fn view(customers: &mut Customers, id: &str) -> anyhow::Result<GetCustomerViewResponse> {
    let key = Some(get_customer_view_request::Key::CustomerId(id.into()));
    let request = GetCustomerViewRequest { key, after: String::new() };
    Ok(customers.get_customer_view(request).await?.into_inner())
}

/// How many people are known by it.
async fn found(customers: &mut Customers, known: IdentityValue) -> anyhow::Result<usize> {
    let request = FindCustomersRequest { identity: Some(known), after: String::new() };
    Ok(customers.find_customers(request).await?.into_inner().customers.len())
}

fn contact(customer: &str) -> RecordContactRequest {
    RecordContactRequest {
        request_id: "contact".into(),
        reason: String::new(),
        customer_id: customer.into(),
        contact: Some(Contact { kind: ContactKind::Call.into(), note: NOTE.into(), ..Default::default() }),
    }
}

fn profile(customer: &str) -> SetCustomerProfileRequest {
    SetCustomerProfileRequest {
        request_id: "profile".into(),
        customer_id: customer.into(),
        profile: Some(CustomerProfile {
            name: NAME.into(),
            tier: TIER.into(),
            consents: vec!["newsletter".into()],
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// Her order, under every identity she has.
fn hers(number: &str) -> PlaceOrderRequest {
    let mut request = order(number, &[(0, 1)], PlaceMode::Confirm);
    request.contact = Some(waybill_proto::common::v1::Contact {
        name: NAME.into(),
        phone: PHONE.into(),
        email: EMAIL.into(),
        member_card: CARD.into(),
        social_id: SOCIAL.into(),
    });
    request
}

/// A person with all five kinds of identity, a profile, a contact and something said; answers with the record.
async fn ottilie(customers: &mut Customers) -> anyhow::Result<String> {
    let id = link(customers, "phone", "", identity(IdentityKind::Phone, PHONE)).await?;
    for (kind, value) in
        [(IdentityKind::Email, EMAIL), (IdentityKind::MemberCard, CARD), (IdentityKind::SocialId, SOCIAL)]
    {
        let linked = link(customers, kind.as_str_name(), &id, identity(kind, value)).await?;
        ensure!(linked == id, "{value} was linked to {linked}");
    }
    customers.set_customer_profile(profile(&id)).await?;
    customers.record_contact(contact(&id)).await?;
    let feedback =
        Feedback { kind: FeedbackKind::Complaint.into(), text: WORDS.into(), ..Default::default() };
    let said = RecordFeedbackRequest {
        request_id: "said".into(),
        reason: String::new(),
        customer_id: id.clone(),
        feedback: Some(feedback),
    };
    customers.record_feedback(said).await?;
    Ok(id)
}

/// Merges a guest's record into hers and splits her card off again; answers with what the split made.
async fn merged_and_split(customers: &mut Customers, id: &str) -> anyhow::Result<(String, String)> {
    let guest = link(customers, "guest", "", identity(IdentityKind::CustomerId, "web-guest-9")).await?;
    let request = MergeCustomersRequest {
        request_id: "merge".into(),
        into_customer_id: id.into(),
        from_customer_id: guest.clone(),
        ..Default::default()
    };
    customers.merge_customers(request).await?;
    let request = SplitCustomerRequest {
        request_id: "split".into(),
        customer_id: id.into(),
        identities: vec![identity(IdentityKind::MemberCard, CARD)],
        ..Default::default()
    };
    Ok((guest, customers.split_customer(request).await?.into_inner().new_customer_id))
}

/// Everything that is known of these records.
async fn views(customers: &mut Customers, ids: &[&str]) -> anyhow::Result<Vec<GetCustomerViewResponse>> {
    let mut seen = Vec::new();
    for id in ids {
        seen.push(view(customers, id).await?);
    }
    Ok(seen)
}

/// The same requests again change nothing and are answered as they were; with other content they are refused.
async fn remembered(customers: &mut Customers, id: &str) -> anyhow::Result<()> {
    let again = link(customers, "phone", "", identity(IdentityKind::Phone, PHONE)).await?;
    ensure!(again == id, "the link is answered with {again}");
    let first = customers.record_contact(contact(id)).await?.into_inner();
    let second = customers.record_contact(contact(id)).await?.into_inner();
    ensure!(first == second && first.contact_number == 1, "{first:?}, then {second:?}");
    customers.set_customer_profile(profile(id)).await?;
    let mut other = profile(id);
    other.profile.as_mut().context("a profile")?.name = "Somebody Else".into();
    let refused = customers.set_customer_profile(other).await.err().context("other content was taken")?;
    ensure!(refused.code() == tonic::Code::AlreadyExists, "{refused:?}");
    Ok(())
}

/// The copy, restored and served.
async fn restored(world: &World, copy: &Path, name: &str) -> anyhow::Result<Engine> {
    let data = world.dir().join(name);
    let output = run(["restore".as_ref(), copy.as_os_str(), data.as_os_str()]).await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Engine::start(&Setting::new(&data)).await
}

#[tokio::test]
async fn records_survive_a_kill_and_a_restore_and_remember_their_requests() -> anyhow::Result<()> {
    let mut world = World::open(SHAPE, Vec::new()).await?;
    world.place(hers("W-1")).await?;
    let id = ottilie(&mut world.customers()).await?;
    let (guest, split) = merged_and_split(&mut world.customers(), &id).await?;
    let ids = [id.as_str(), guest.as_str(), split.as_str()];
    world.engine()?.settle().await?;
    let before = views(&mut world.customers(), &ids).await?;
    let profile = before[0].customer.as_ref().and_then(|customer| customer.profile.as_ref());
    ensure!(profile.is_some_and(|profile| profile.name == NAME && profile.tier == TIER), "{before:?}");
    ensure!(before[0].contacts[0].note == NOTE && before[0].feedback[0].text == WORDS, "{before:?}");
    ensure!(before[1] == before[0], "a merged record shows the one that stays");
    // Her order's strongest identity is the card, which was split off.
    ensure!(before[2].orders.len() == 1 && before[0].orders.is_empty(), "{before:?}");

    world.crash().await?;
    ensure!(views(&mut world.customers(), &ids).await? == before, "from the journal");
    remembered(&mut world.customers(), &id).await.context("from the journal")?;
    world.checkpoint("rows").await?;
    world.crash().await?;
    ensure!(views(&mut world.customers(), &ids).await? == before, "from rows");
    remembered(&mut world.customers(), &id).await.context("from rows")?;

    let copy = world.copy("copy").await?;
    world.kill().await?;
    let engine = restored(&world, &copy, "restored").await?;
    let mut customers = CustomersServiceClient::new(engine.channel().await?);
    ensure!(views(&mut customers, &ids).await? == before, "from a copy");
    remembered(&mut customers, &id).await.context("from a copy")?;
    engine.settle().await?;
    engine.audit().await?;
    Ok(())
}

/// The keys in a vault and whether each is erased, by slot: see the head of `crates/store/src/vault/file.rs`.
fn vault(data: &Path) -> anyhow::Result<Vec<(Vec<u8>, bool)>> {
    const ERASED: u8 = 2;
    let bytes = std::fs::read(data.join("keys/keys.wbv"))?;
    let slots = bytes.get(4_096..).context("no slots")?.chunks_exact(64);
    Ok(slots.map(|slot| (slot[8..40].to_vec(), slot[40] == ERASED)).collect())
}

/// The keys of `before` that are erased by now: `count` of them, and nowhere in `places`.
fn destroyed(before: &[(Vec<u8>, bool)], count: usize, data: &Path, places: &[&Path]) -> anyhow::Result<()> {
    let now = vault(data)?;
    let gone = before.iter().zip(&now).filter(|((_, was), (_, is))| !was && *is);
    let gone: Vec<&[u8]> = gone.map(|((key, _), _)| key.as_slice()).collect();
    ensure!(gone.len() == count, "{} keys are destroyed, not {count}", gone.len());
    for key in gone {
        for place in places {
            let found = holding(place, key)?;
            ensure!(found.is_empty(), "a key that was destroyed lies in {found:?}");
        }
    }
    Ok(())
}

fn erasure(id: &str) -> EraseCustomerRequest {
    EraseCustomerRequest { request_id: "erase".into(), reason: "asked for it".into(), customer_id: id.into() }
}

/// Reads the record in every way there is and finds nobody.
async fn is_nobody(customers: &mut Customers, id: &str) -> anyhow::Result<()> {
    let seen = view(customers, id).await?;
    ensure!(seen.customer.as_ref().is_some_and(|customer| customer.erased), "{seen:?}");
    ensure!(seen.contacts.is_empty() && seen.orders.is_empty(), "{seen:?}");
    let text = format!("{seen:?}");
    for planted in PLANTED {
        ensure!(!text.contains(planted), "{planted:?} is still read: {text}");
    }
    let known = [
        (IdentityKind::Phone, PHONE),
        (IdentityKind::Email, EMAIL),
        (IdentityKind::MemberCard, CARD),
        (IdentityKind::SocialId, SOCIAL),
    ];
    for (kind, value) in known {
        ensure!(found(customers, identity(kind, value)).await? == 0, "still found by {}", kind.as_str_name());
    }
    Ok(())
}

#[tokio::test]
async fn an_erased_customer_is_nowhere_on_disk_nor_in_a_backup_made_afterwards() -> anyhow::Result<()> {
    let mut world = World::open(SHAPE, Vec::new()).await?;
    let placed = world.place(hers("W-1")).await?;
    let id = ottilie(&mut world.customers()).await?;
    let stays =
        link(&mut world.customers(), "other", "", identity(IdentityKind::CustomerId, "stays")).await?;
    world.checkpoint("before").await?;
    let log = world.log();
    let places = [world.data_dir().to_path_buf(), log];
    let places: Vec<&Path> = places.iter().map(AsRef::as_ref).collect();
    ensure!(!holding(places[0], TIER)?.is_empty(), "the search finds not even the tier");
    nowhere(&places, &PLANTED).context("while she is known")?;
    let keys = vault(world.data_dir())?;

    let mut as_channel = Request::new(erasure(&id));
    as_channel.metadata_mut().insert("waybill-role", "channel".parse()?);
    let refused = world.customers().erase_customer(as_channel).await.err().context("a channel erased her")?;
    ensure!(refused.code() == tonic::Code::PermissionDenied, "{refused:?}");
    let erased = world.customers().erase_customer(erasure(&id)).await?.into_inner();
    ensure!((erased.order_count, erased.customer_id.as_str()) == (1, id.as_str()), "{erased:?}");
    is_nobody(&mut world.customers(), &id).await?;
    nowhere(&places, &PLANTED).context("after the erasure")?;
    // Of her order, of her record, and of each of her four identities: whatever was sealed with them stays noise.
    destroyed(&keys, 6, world.data_dir(), &places)?;

    world.crash().await?;
    is_nobody(&mut world.customers(), &id).await.context("after a kill")?;
    let again = world.customers().erase_customer(erasure(&id)).await?.into_inner();
    ensure!(again.order_count == erased.order_count, "{again:?} after {erased:?}");
    let order = world.order(&placed.order_id).await?;
    ensure!(order.erased && order.contact.is_none() && order.lines.len() == 1, "{order:?}");
    world.checkpoint("after").await?;
    nowhere(&places, &PLANTED).context("after a checkpoint")?;

    let copy = world.copy("copy").await?;
    ensure!(!holding(&copy, "stays")?.is_empty() || !holding(&copy, "W-1")?.is_empty(), "an empty copy");
    nowhere(&[&copy], &PLANTED).context("in a copy")?;
    destroyed(&keys, 6, world.data_dir(), &[places[0], places[1], &copy])?;
    world.check().await?;
    world.kill().await?;
    let engine = restored(&world, &copy, "restored").await?;
    let mut customers = CustomersServiceClient::new(engine.channel().await?);
    is_nobody(&mut customers, &id).await.context("in a restored copy")?;
    let other = view(&mut customers, &stays).await?.customer.context("no record")?;
    ensure!(!other.erased && other.identities[0].value == "stays", "somebody else is erased: {other:?}");
    engine.audit().await?;
    Ok(())
}
