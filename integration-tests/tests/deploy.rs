//! What docs/deploy offers to copy: command lines that the binary takes, settings that are sound, units that systemd takes,
//! certificates that do what they are for. It starts no container.

use anyhow::{Context, bail, ensure};
use clap::Parser;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use tonic::transport::{Certificate, ClientTlsConfig, Identity};
use tonic::{Code, Request};
use waybill::config::Config;
use waybill_integration_tests::certificates::Files;
use waybill_integration_tests::engine::{Engine, Setting, binary};
use waybill_proto::common::v1::admin_service_client::AdminServiceClient;
use waybill_proto::common::v1::ownership_service_client::OwnershipServiceClient;
use waybill_proto::common::v1::{GetPositionRequest, GetStatusRequest, ServiceKind};
use yaml_rust2::{Yaml, YamlLoader};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package stands in the workspace").to_owned()
}

fn offered(name: &str) -> anyhow::Result<String> {
    let path = root().join("docs/deploy").join(name);
    std::fs::read_to_string(&path).with_context(|| path.display().to_string())
}

#[derive(Parser)]
struct Serve {
    #[command(flatten)]
    args: waybill::operate::serve::Args,
}

/// What `waybill serve` makes of a command line; the file it names is the one of docs/deploy.
fn settings<S: AsRef<str>>(words: &[S], journal: Option<&str>) -> anyhow::Result<Config> {
    let mut words: Vec<OsString> = words.iter().map(|word| word.as_ref().into()).collect();
    ensure!(words.first().is_some_and(|word| word == "serve"), "{words:?} serves nothing");
    for word in &mut words {
        if word == "/etc/waybill/process.toml" {
            *word = root().join("docs/deploy/process.toml").into();
        }
    }
    let mut args = Serve::try_parse_from(words)?.args;
    args.journal.journal = journal.map(str::to_owned);
    args.settings()
}

#[test]
fn the_units_are_sound_and_their_command_lines_are_taken() -> anyhow::Result<()> {
    for (name, instance) in
        [("waybill.service", "waybill.service"), ("waybill@.service", "waybill@east-1.service")]
    {
        let unit = offered(name)?;
        let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/waybill "));
        let line = line.with_context(|| format!("{name} starts no waybill"))?;
        let line = line.replace("%i", "east-1").replace("%d", "/run/credentials");
        let words: Vec<&str> = line.split(' ').collect();
        let journal = unit.contains("journal.env").then_some("postgres://waybill@db/waybill");
        let config = settings(&words, journal).with_context(|| name.to_owned())?;
        ensure!(config.tls.is_on() == journal.is_some(), "{name}: {:?}", config.tls);
        verify(instance, &unit)?;
    }
    Ok(())
}

/// What systemd says to a unit, where it is installed.
fn verify(name: &str, unit: &str) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join(name);
    std::fs::write(&path, unit.replace("/usr/local/bin/waybill", &binary()?.display().to_string()))?;
    let Ok(said) = Command::new("systemd-analyze").arg("verify").arg(&path).output() else {
        eprintln!("NOT RUN: systemd-analyze is not installed");
        return Ok(());
    };
    let text = String::from_utf8_lossy(&said.stderr);
    ensure!(said.status.success() && !text.contains(name), "{name}: {text}");
    Ok(())
}

/// The words of a list of texts.
fn words(list: &Yaml) -> anyhow::Result<Vec<String>> {
    let words = list.as_vec().context("is no list")?.iter();
    words.map(|word| word.as_str().map(str::to_owned).context("is no text")).collect()
}

#[test]
fn the_compose_file_starts_processes_of_one_cluster() -> anyhow::Result<()> {
    let compose = YamlLoader::load_from_str(&offered("compose.yaml")?)?;
    let [compose] = &compose[..] else { bail!("compose.yaml is not one document") };
    // Merge keys are resolved by compose and not by the parser.
    let common = &compose["x-process"];
    let journal = common["environment"]["WAYBILL_JOURNAL"].as_str().context("no journal")?;
    let services = compose["services"].as_hash().context("no services")?;
    let mut names = Vec::new();
    for (name, service) in services {
        let name = name.as_str().context("a service without a name")?;
        if service["<<"].is_badvalue() {
            continue;
        }
        let config =
            settings(&words(&service["command"])?, Some(journal)).with_context(|| name.to_owned())?;
        ensure!(config.tls.is_on() && config.cluster.name.as_deref() == Some(name), "{name}: {config:?}");
        ensure!(config.cluster.advertise == Some(format!("https://{name}:7700")), "{name}: {config:?}");
        let mounts = words(&service["volumes"])?;
        for needed in
            [format!("{name}:/var/lib/waybill"), "./process.toml:/etc/waybill/process.toml:ro".into()]
        {
            ensure!(mounts.contains(&needed), "{name} does not mount {needed}");
        }
        ensure!(!compose["volumes"][name].is_badvalue(), "the volume {name} is not declared");
        names.push(name);
    }
    ensure!(names.len() == 3, "processes are {names:?}");
    let health = words(&common["healthcheck"]["test"])?;
    ensure!(health[..2] == ["CMD", "waybill"], "{health:?}");
    let known = Command::new(binary()?).args(&health[2..]).arg("--help").output()?;
    ensure!(known.status.success(), "{health:?} is no command");
    let help = String::from_utf8(known.stdout)?;
    for (variable, _) in common["environment"].as_hash().context("no environment")? {
        let variable = variable.as_str().context("a variable without a name")?;
        ensure!(variable == "WAYBILL_JOURNAL" || help.contains(variable), "nothing reads {variable}");
    }
    Ok(())
}

#[test]
fn the_image_is_built_with_this_rust_and_serves() -> anyhow::Result<()> {
    let dockerfile = offered("Dockerfile")?;
    let manifest: toml::Table = std::fs::read_to_string(root().join("Cargo.toml"))?.parse()?;
    let rust = manifest["workspace"]["package"]["rust-version"].as_str().context("no rust-version")?;
    ensure!(
        dockerfile.contains(&format!("FROM rust:{rust}-slim-")),
        "the image is not built with Rust {rust}"
    );
    let command = dockerfile.lines().find_map(|line| line.strip_prefix("CMD ")).context("no CMD")?;
    settings(&serde_json::from_str::<Vec<String>>(command)?, None)?;
    Ok(())
}

#[tokio::test]
async fn certificates_made_by_the_script_let_callers_in_and_make_processes_of_none() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let tls = dir.path().join("tls");
    let made = Command::new(root().join("docs/deploy/certificates"))
        .arg(&tls)
        .args(["east-1", "10.0.0.5"])
        .output()?;
    if Command::new("openssl").arg("version").output().is_err() {
        eprintln!("NOT RUN: openssl is not installed");
        return Ok(());
    }
    ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let file = |name: &str| tls.join(name);
    let process =
        Files { ca: file("ca.pem"), certificate: file("process.pem"), key: file("process-key.pem") };
    let mut setting = Setting::new(&dir.path().join("data"));
    setting.flags.extend(process.flags());
    let engine = Engine::start(&setting).await?;
    let read = |name: &str| std::fs::read_to_string(file(name));
    let identity = Identity::from_pem(read("caller.pem")?, read("caller-key.pem")?);
    let papers =
        ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read("ca.pem")?)).identity(identity);
    let channel = engine.secured_channel(papers).await?;
    AdminServiceClient::new(channel.clone()).get_status(GetStatusRequest {}).await?;
    let mut request = Request::new(GetPositionRequest { service: ServiceKind::Orders.into(), partition: 0 });
    request.metadata_mut().insert("waybill-role", "peer".parse()?);
    let refused = OwnershipServiceClient::new(channel).get_position(request).await;
    let refused = refused.err().context("a caller acted as a process")?;
    ensure!(refused.code() == Code::PermissionDenied, "{refused}");
    Ok(())
}
