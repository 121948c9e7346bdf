# The controller, the command and the helper that runs inside users' pods: one program, one image.
# Any Docker or Buildah builds it: docker build -t tidemill/controller:dev .
FROM debian:bookworm-slim AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
       gcc make pkg-config libc6-dev libcurl4-openssl-dev libnghttp2-dev libjansson-dev libyaml-dev libssl-dev libmicrohttpd-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# What was compiled on another machine must not be taken for this one's.
RUN rm -rf build && make release && strip build/release/tidemill

FROM debian:bookworm-slim AS runtime
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
       ca-certificates tzdata libcurl4 libnghttp2-14 libjansson4 libmicrohttpd12 libssl3 libyaml-0-2 \
    && rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old /var/log/*.log /var/log/apt
COPY --from=build /src/build/release/tidemill /usr/bin/tidemill
LABEL org.opencontainers.image.title="tidemill" \
      org.opencontainers.image.description="MLOps for the Kubernetes cluster you already have: one controller, no database" \
      org.opencontainers.image.base.name="docker.io/library/debian:bookworm-slim"
# Numbers, so that Kubernetes can see that it is not root. Pods of users set a user of their own.
USER 65534:65534
ENTRYPOINT ["/usr/bin/tidemill"]
