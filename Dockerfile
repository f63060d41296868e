# The server in an image of its own: the program, the libraries it is linked to, CA certificates, licences, and no shell.
#
#   docker build --tag oss-vend .
#   docker run --rm oss-vend --help
#
# Base images are arguments: BUILD_IMAGE has Rust and a Debian or Ubuntu around it; RUNTIME_IMAGE may be any of the same
# processor, since the libraries come along. examples/deploy/image/build.sh builds all of it without a registry.

ARG RUST=1.95.0
ARG DEBIAN=bookworm
ARG BUILD_IMAGE=docker.io/library/rust:${RUST}-slim-${DEBIAN}
ARG RUNTIME_IMAGE=scratch

FROM ${BUILD_IMAGE} AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends build-essential ca-certificates \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build

# The dependencies first, around an empty program: this layer is built again only when they change. The benches, which
# Cargo.toml names, are not built, but have to be there.
COPY Cargo.toml Cargo.lock ./
RUN mkdir --parents src benches/load \
    && touch benches/micro.rs benches/allocations.rs benches/load/main.rs \
    && echo '//! Empty.' > src/lib.rs \
    && (cat src/lib.rs && echo 'fn main() {}') > src/main.rs \
    && cargo build --locked --release \
    && rm -r src

# The time of the sources is that of the working copy, which may be older than the empty program's.
COPY src src
COPY config config
RUN touch src/lib.rs src/main.rs && cargo build --locked --release

# What the program needs at run time, laid out as it will stand in the image.
COPY LICENSE examples/deploy/image/notices.sh ./
WORKDIR /image
RUN install -D /build/target/release/oss-vend usr/bin/oss-vend \
    && ldd usr/bin/oss-vend | grep -o '/[^ ]*' | xargs cp --dereference --parents --target-directory=. \
    && install -D --mode=0644 /etc/ssl/certs/ca-certificates.crt etc/ssl/certs/ca-certificates.crt \
    && install -D --mode=0644 /etc/nsswitch.conf etc/nsswitch.conf \
    && install -D --mode=0644 /build/LICENSE usr/share/doc/oss-vend/LICENSE \
    && sh /build/notices.sh /build/Cargo.toml > usr/share/doc/oss-vend/THIRD-PARTY \
    && echo 'oss-vend:x:65532:65532::/:/usr/bin/oss-vend' > etc/passwd \
    && echo 'oss-vend:x:65532:' > etc/group

FROM ${RUNTIME_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="oss-vend" \
      org.opencontainers.image.description="Vends just enough permission for a browser to upload straight to Alibaba Cloud OSS" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /image /
USER 65532:65532
# Every address of the container, so that its network decides who reaches it. With nothing else set, `serve` therefore
# refuses to start until callers can be known (API_KEY_HASH, or [[auth.api_keys]] in a file).
ENV OSS_VEND__LISTEN=0.0.0.0:8000
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s CMD ["/usr/bin/oss-vend", "healthcheck"]
ENTRYPOINT ["/usr/bin/oss-vend"]
CMD ["serve"]
