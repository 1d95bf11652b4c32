//! Certificates: who is let in, from where, who may act as a process, and processes that talk to each other over TLS.

use anyhow::{Context, ensure};
use std::net::{IpAddr, UdpSocket};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status};
use waybill_integration_tests::certificates::{Authority, PEER_NAME, Papers};
use waybill_integration_tests::desk::Desk;
use waybill_integration_tests::engine::{self, Engine, Setting};
use waybill_integration_tests::retailer::{self, Shape, node, order};
use waybill_integration_tests::world::{from_channel, until};
use waybill_journal_postgres::server::Postgres;
use waybill_proto::common::v1::admin_service_client::AdminServiceClient;
use waybill_proto::common::v1::ownership_service_client::OwnershipServiceClient;
use waybill_proto::common::v1::{GetPositionRequest, GetStatusRequest, ServiceKind};
use waybill_proto::orders::v1::orders_service_client::OrdersServiceClient;
use waybill_proto::orders::v1::{PlaceMode, PlaceOutcome};

/// One process with certificates of one authority.
struct House {
    authority: Authority,
    engine: Engine,
    dir: TempDir,
}

impl House {
    async fn open(listen: &str) -> anyhow::Result<Self> {
        let (authority, dir) = (Authority::new("ours")?, tempfile::tempdir()?);
        let mut setting = Setting::new(&dir.path().join("data"));
        setting.listen = listen.to_owned();
        setting.flags.extend(authority.process()?.write(dir.path(), "process")?.flags());
        let engine = Engine::start(&setting).await?;
        Ok(Self { authority, engine, dir })
    }

    async fn ask(&self, tls: ClientTlsConfig) -> anyhow::Result<()> {
        let channel = self.engine.secured_channel(tls).await?;
        AdminServiceClient::new(channel).get_status(GetStatusRequest {}).await?;
        Ok(())
    }

    /// What an owner's door says to these papers when they claim to be a process.
    async fn as_peer(&self, papers: &Papers) -> anyhow::Result<Status> {
        let channel = self.engine.secured_channel(papers.client()).await?;
        let mut request =
            Request::new(GetPositionRequest { service: ServiceKind::Orders.into(), partition: 0 });
        request.metadata_mut().insert("waybill-role", "peer".parse()?);
        let answer = OwnershipServiceClient::new(channel).get_position(request).await;
        answer.err().context("there is no cluster here, and an owner answered")
    }
}

#[tokio::test]
async fn only_callers_with_a_certificate_of_the_authority_are_let_in() -> anyhow::Result<()> {
    let house = House::open("127.0.0.1:0").await?;
    let good = house.authority.caller("shop-1.example")?;
    house.ask(good.client()).await.context("a caller of the authority")?;

    let refused = async |what: &str, tls: ClientTlsConfig| {
        let asked = house.ask(tls).await;
        ensure!(asked.is_err(), "{what} was let in");
        Ok(format!("{:?}", asked.err()))
    };
    let ca = tonic::transport::Certificate::from_pem(&good.ca);
    refused("nobody", ClientTlsConfig::new().ca_certificate(ca)).await?;
    let stranger = Papers { ca: good.ca.clone(), ..Authority::new("theirs")?.caller("shop-1.example")? };
    refused("a stranger", stranger.client()).await?;
    refused("somebody of 2020", house.authority.expired("shop-1.example")?.client()).await?;
    // The other way round: a caller does not talk to a server that its own authority does not know.
    let told =
        refused("a server unknown to the caller", Authority::new("theirs")?.caller("a")?.client()).await?;
    ensure!(told.contains("UnknownIssuer"), "{told}");

    let open = house.engine.endpoint.replace("https://", "http://");
    let mut open = AdminServiceClient::new(Endpoint::from_shared(open)?.connect_lazy());
    ensure!(open.get_status(GetStatusRequest {}).await.is_err(), "a caller in the open was let in");
    // None of this hurt the server.
    house.ask(good.client()).await?;
    Ok(())
}

#[tokio::test]
async fn a_caller_can_not_act_as_a_process() -> anyhow::Result<()> {
    let house = House::open("127.0.0.1:0").await?;
    // A name that ends alike, and a pattern that covers the name, are not the name.
    for name in ["shop-1.example", "x.peer.waybill.internal", "*.waybill.internal", "localhost"] {
        let refused = house.as_peer(&house.authority.caller(name)?).await?;
        ensure!(refused.code() == Code::PermissionDenied, "{name}: {refused}");
        ensure!(refused.message().contains(PEER_NAME), "{name}: {refused}");
    }
    let told = house.as_peer(&house.authority.process()?).await?;
    ensure!(told.code() == Code::FailedPrecondition, "a process is asked on: {told}");
    Ok(())
}

#[tokio::test]
async fn garbage_and_silence_at_the_port_keep_nobody_out() -> anyhow::Result<()> {
    let house = House::open("127.0.0.1:0").await?;
    let address = house.engine.endpoint.replace("https://", "");
    let mut silent = Vec::new();
    for number in 0..200_u8 {
        let mut stream = TcpStream::connect(&address).await?;
        match number % 4 {
            0 => stream.write_all(&[number; 300]).await?,
            1 => stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await?,
            // The beginning of a handshake, and nothing after it.
            2 => stream.write_all(&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01]).await?,
            _ => {}
        }
        silent.push(stream);
    }
    let good = house.authority.caller("shop-1.example")?;
    let asked = tokio::time::timeout(Duration::from_secs(5), house.ask(good.client())).await;
    asked.context("a caller waits behind those who say nothing")??;
    // Whoever is silent is hung up on: reading ends, where an open connection would go on waiting.
    let mut last = silent.pop().context("200 connections")?;
    let closed = tokio::time::timeout(Duration::from_secs(20), last.read_to_end(&mut Vec::new())).await;
    ensure!(closed.is_ok(), "a silent caller keeps its connection");
    house.ask(good.client()).await
}

/// This machine's address towards others; none where it has no network.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // Sends nothing: it only asks which way a packet would go.
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|ip| !ip.is_loopback())
}

#[tokio::test]
async fn callers_off_loopback_come_in_with_a_certificate_and_not_without() -> anyhow::Result<()> {
    let Some(address) = own_address() else {
        eprintln!("NOT RUN: this machine has no address but loopback");
        return Ok(());
    };
    let house = House::open("0.0.0.0:0").await?;
    let from_outside = |engine: &Engine| engine.endpoint.replace("0.0.0.0", &address.to_string());
    let tls = house.authority.caller("shop-1.example")?.client().domain_name("localhost");
    let channel = Endpoint::from_shared(from_outside(&house.engine))?.tls_config(tls)?.connect().await?;
    AdminServiceClient::new(channel).get_status(GetStatusRequest {}).await?;

    let mut setting = Setting::new(&house.dir.path().join("open"));
    setting.listen = "0.0.0.0:0".to_owned();
    let open = Engine::start(&setting).await?;
    let mut admin = AdminServiceClient::new(engine::connect(&from_outside(&open)).await?);
    let refused =
        admin.get_status(GetStatusRequest {}).await.err().context("a caller from outside was let in")?;
    ensure!(refused.code() == Code::PermissionDenied, "{refused}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_of_one_authority_are_one_engine() -> anyhow::Result<()> {
    let (authority, postgres, dir) = (Authority::new("ours")?, Postgres::start()?, tempfile::tempdir()?);
    let start = async |name: &str, papers: Papers, role: &str| {
        let mut setting = Setting::new(&dir.path().join(name));
        let flags = ["--journal", &postgres.url(), "--name", name, "--services", role].map(str::to_owned);
        setting.flags.extend(flags);
        setting.flags.extend(papers.write(dir.path(), name)?.flags());
        Engine::start(&setting).await
    };
    let process = || authority.process();
    let (orders, inventory, fulfillment) = tokio::try_join!(
        start("orders", process()?, "orders"),
        start("inventory", process()?, "inventory"),
        start("fulfillment", process()?, "fulfillment")
    )?;
    let caller = authority.caller("shop-1.example")?;
    let door = async |engine: &Engine| engine.secured_channel(caller.client()).await;
    let (at_orders, at_inventory) = (door(&orders).await?, door(&inventory).await?);
    retailer::open(&at_orders, Shape { nodes: 1, items: 2, stock: 100 }).await?;

    // Asked of one that runs no orders, planned by another, picked at the third.
    let place = async |channel: &Channel, number: &str| {
        let request = from_channel("web", order(number, &[(0, 1)], PlaceMode::Confirm));
        anyhow::Ok(OrdersServiceClient::new(channel.clone()).place_order(request).await?.into_inner())
    };
    let placed = until("an order is confirmed over three roles", || async {
        let placed = place(&at_inventory, "T-1").await.ok();
        Ok(placed.filter(|placed| placed.outcome() == PlaceOutcome::Confirmed))
    })
    .await?;
    let mut desk = Desk::new(door(&fulfillment).await?, &node(0));
    let instruction = desk.next(0).await?;
    ensure!(instruction.order_id == placed.order_id && instruction.destination.is_some(), "{instruction:?}");
    desk.fulfill(&instruction).await?;
    Ok(())
}
