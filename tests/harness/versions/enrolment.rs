//! Enrolment as bytes: one request, one reply, whoever asks.

use std::path::Path;

use anyhow::{Context, Result};
use hub::authority::Authority;
use hub::gateway::server_config;
use quinn::Endpoint;
use shared::wire::v1::enrol::{ALPN_ENROL, ENROL_BYTES_MAX};
use tokio::runtime::Runtime;

use super::line::{Crossed, End};
use crate::siege::{Papers, Shown};

const WINDOW_BYTES: u32 = 256 * 1024;

/// Gives a request to the hub of a folder, which listens at a port; its reply.
///
/// # Errors
/// Where the hub does not answer.
pub fn ask(authority: &Authority, port: u16, request: &[u8]) -> Result<Vec<u8>> {
    Runtime::new()?.block_on(exchange(authority, port, request))
}

async fn exchange(authority: &Authority, port: u16, request: &[u8]) -> Result<Vec<u8>> {
    let papers = Papers::none(authority.ca().to_vec());
    let endpoint = Endpoint::client("127.0.0.1:0".parse()?)?;
    let config = papers.caller(ALPN_ENROL, Shown::Nothing, WINDOW_BYTES)?;
    let connection = endpoint.connect_with(config, ([127, 0, 0, 1], port).into(), "localhost")?.await?;
    let (mut send, mut recv) = connection.open_bi().await?;
    send.write_all(request).await?;
    send.finish()?;
    Ok(recv.read_to_end(ENROL_BYTES_MAX).await?)
}

/// Stands before the hub of a folder while `enrol` runs with the port to dial; gives what crossed.
///
/// # Errors
/// Where nothing does.
pub fn overhear(hub: &Path, to: u16, enrol: impl FnOnce(u16) -> Result<()>) -> Result<Vec<Crossed>> {
    let (runtime, authority) = (Runtime::new()?, Authority::open(hub)?);
    let _inside = runtime.enter();
    let endpoint = Endpoint::server(server_config(&authority)?, "127.0.0.1:0".parse()?)?;
    let port = endpoint.local_addr()?.port();
    let carried = runtime.spawn(async move {
        let connection = endpoint.accept().await.context("nobody dialled")?.await?;
        let (mut send, mut recv) = connection.accept_bi().await?;
        let request = recv.read_to_end(ENROL_BYTES_MAX).await?;
        let reply = exchange(&authority, to, &request).await?;
        send.write_all(&reply).await?;
        send.finish()?;
        connection.closed().await;
        anyhow::Ok(vec![Crossed { from: End::Edge, frame: request }, Crossed { from: End::Hub, frame: reply }])
    });
    enrol(port)?;
    runtime.block_on(carried)?
}
