//! How a connection to Redis is opened: one server, one that sentinels name, or a cluster.

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::cluster_async::ClusterConnection;
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, Pipeline, ProtocolVersion,
    PushInfo, PushKind, RedisFuture, RedisResult, TlsCertificates, TlsMode, Value,
};

use super::news::News;
use super::options::{Mode, Options, Unusable};
use crate::keys::Secret;

/// Opens connections.
pub(super) struct Door {
    way: Way,
    config: AsyncConnectionConfig,
    channel: String,
    news: Arc<News>,
}

enum Way {
    One(Box<Client>),
    Sentinel(Box<SentinelClient>),
    Cluster(Box<ClusterClient>),
}

/// A connection; its clones share it.
#[derive(Clone)]
pub(super) enum Connection {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Door {
    pub(super) fn new(options: &Options, news: Arc<News>, channel: String) -> Result<Self, Unusable> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(options.connect_timeout))
            .set_response_timeout(Some(options.timeout));
        let nodes = nodes(options)?;
        let way = match &options.mode {
            Mode::Single => Way::One(Box::new(single(nodes, options)?)),
            Mode::Sentinel { master } => Way::Sentinel(Box::new(sentinel(nodes, master, options)?)),
            Mode::Cluster => Way::Cluster(Box::new(cluster(nodes, options, Arc::clone(&news))?)),
        };
        Ok(Self { way, config, channel, news })
    }

    /// A connection that hears the news. `lost` is called when it ends.
    pub(super) async fn open(&mut self, lost: impl Fn() + Send + Sync + 'static) -> RedisResult<Connection> {
        let news = Arc::clone(&self.news);
        let config = self.config.clone().set_push_sender(move |push: PushInfo| {
            if push.kind == PushKind::Disconnection {
                lost();
            } else {
                news.push(push);
            }
            Ok::<_, redis::aio::SendError>(())
        });
        match &mut self.way {
            Way::One(client) => listening(client, &config, &self.channel).await,
            Way::Sentinel(sentinels) => {
                let client = sentinels.async_get_client().await?;
                listening(&client, &config, &self.channel).await
            }
            Way::Cluster(client) => {
                let mut connection = client.get_async_connection().await?;
                connection.subscribe(&self.channel).await?;
                Ok(Connection::Cluster(connection))
            }
        }
    }
}

async fn listening(client: &Client, config: &AsyncConnectionConfig, channel: &str) -> RedisResult<Connection> {
    let mut connection = client.get_multiplexed_async_connection_with_config(config).await?;
    connection.subscribe(channel).await?;
    Ok(Connection::One(connection))
}

fn nodes(options: &Options) -> Result<Vec<ConnectionInfo>, Unusable> {
    let node = |url: &String| {
        let info = url.as_str().into_connection_info().map_err(|error| Unusable::Address(error.to_string()))?;
        let mut redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        if let Some(user) = &options.user {
            redis = redis.set_username(user);
        }
        if let Some(password) = &options.password {
            redis = redis.set_password(password.expose());
        }
        Ok(info.set_redis_settings(redis))
    };
    options.urls.iter().map(node).collect()
}

fn single(nodes: Vec<ConnectionInfo>, options: &Options) -> Result<Client, Unusable> {
    let [node] = <[_; 1]>::try_from(nodes)
        .map_err(|nodes| Unusable::Address(format!("one server has one address, not {}", nodes.len())))?;
    match (node.addr(), certificates(options)) {
        (ConnectionAddr::TcpTls { .. }, Some(certificates)) => {
            Client::build_with_tls(node, certificates).map_err(|error| Unusable::Authorities(error.to_string()))
        }
        _ => Client::open(node).map_err(|error| Unusable::Address(error.to_string())),
    }
}

/// The sentinels and their server share the password, the TLS and the authorities.
fn sentinel(nodes: Vec<ConnectionInfo>, master: &str, options: &Options) -> Result<SentinelClient, Unusable> {
    let with_tls = nodes.iter().any(|node| matches!(node.addr(), ConnectionAddr::TcpTls { .. }));
    let db = nodes.first().map_or(0, |node| node.redis_settings().db());
    let addresses: Vec<_> = nodes.into_iter().map(|node| node.addr().clone()).collect();
    let mut builder = SentinelClientBuilder::new(addresses, master, SentinelServerType::Master)
        .map_err(|error| Unusable::Address(error.to_string()))?
        .set_client_to_redis_protocol(ProtocolVersion::RESP3)
        .set_client_to_redis_db(db);
    if with_tls {
        builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
        if let Some(certificates) = certificates(options) {
            builder = builder
                .set_client_to_redis_certificates(certificates.clone())
                .set_client_to_sentinel_certificates(certificates);
        }
    }
    if let Some(user) = &options.user {
        builder = builder.set_client_to_redis_username(user).set_client_to_sentinel_username(user);
    }
    if let Some(password) = options.password.as_ref().map(Secret::expose) {
        builder = builder.set_client_to_redis_password(password).set_client_to_sentinel_password(password);
    }
    builder.build().map_err(|error| Unusable::Authorities(error.to_string()))
}

fn cluster(nodes: Vec<ConnectionInfo>, options: &Options, news: Arc<News>) -> Result<ClusterClient, Unusable> {
    let mut builder = ClusterClientBuilder::new(nodes)
        .use_protocol(ProtocolVersion::RESP3)
        .connection_timeout(options.connect_timeout)
        .response_timeout(options.timeout)
        .retries(2)
        .min_retry_wait(10)
        .push_sender(move |push: PushInfo| {
            news.push(push);
            Ok::<_, redis::aio::SendError>(())
        });
    if let Some(certificates) = certificates(options) {
        builder = builder.certs(certificates);
    }
    builder.build().map_err(|error| Unusable::Address(error.to_string()))
}

fn certificates(options: &Options) -> Option<TlsCertificates> {
    let root_cert = Some(options.authorities.clone()?.into_bytes());
    Some(TlsCertificates { client_tls: None, root_cert })
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::One(connection) => connection.req_packed_command(command),
            Self::Cluster(connection) => connection.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        commands: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::One(connection) => connection.req_packed_commands(commands, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(commands, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::One(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}

impl Debug for Connection {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::One(_) => "One",
            Self::Cluster(_) => "Cluster",
        })
    }
}
