# The server in an image of its own: the program, the libraries it is linked to, CA certificates, and no shell.
#
#   docker build --tag oss-vend .
#   docker run --rm oss-vend --help

ARG RUST=1.95.0
ARG DEBIAN=bookworm

FROM rust:${RUST}-slim-${DEBIAN} AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends build-essential ca-certificates \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY . .
RUN cargo build --locked --release

# What the program needs at run time, laid out as it will stand in the image.
WORKDIR /image
RUN install -D /build/target/release/oss-vend usr/bin/oss-vend \
    && ldd usr/bin/oss-vend | grep -o '/[^ ]*' | xargs cp --dereference --parents --target-directory=. \
    && install -D --mode=0644 /etc/ssl/certs/ca-certificates.crt etc/ssl/certs/ca-certificates.crt \
    && install -D --mode=0644 /etc/nsswitch.conf etc/nsswitch.conf \
    && echo 'oss-vend:x:65532:65532::/:/usr/bin/oss-vend' > etc/passwd \
    && echo 'oss-vend:x:65532:' > etc/group

FROM scratch
COPY --from=build /image /
USER 65532:65532
# Every address of the container, so that its network decides who reaches it. With nothing else set, `serve` therefore
# refuses to start until callers can be known ([[auth.api_keys]]).
ENV OSS_VEND__LISTEN=0.0.0.0:8000
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s CMD ["/usr/bin/oss-vend", "healthcheck"]
ENTRYPOINT ["/usr/bin/oss-vend"]
CMD ["serve"]
