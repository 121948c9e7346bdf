# The controller, the command and the helper that runs inside users' pods: one program, one image.
# Any Docker or Buildah builds it: docker build -t tidemill/controller:dev .
FROM debian:bookworm-slim AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
       gcc make pkg-config libc6-dev libcurl4-openssl-dev libnghttp2-dev libjansson-dev libyaml-dev libssl-dev libmicrohttpd-dev libgnutls28-dev libexpat1-dev \
       ca-certificates tzdata \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# What was compiled on another machine must not be taken for this one's.
RUN rm -rf build && make release && strip build/release/tidemill

# Exactly what the program needs, and nothing that could be run besides it: the libraries that the
# loader finds for it, the authorities for servers with public certificates, time zones, and where
# names are looked up. /var/lib/dpkg/status.d is where scanners look for the packages of an image
# without a package manager.
WORKDIR /image
RUN mkdir -p usr/bin usr/share etc var/lib/dpkg/status.d \
    && cp /src/build/release/tidemill usr/bin/ \
    && ldd usr/bin/tidemill | grep -o '/[^ ]*' | sort -u > /tmp/libraries \
    && xargs cp -L --parents -t . < /tmp/libraries \
    && cp -L --parents /etc/ssl/certs/ca-certificates.crt . \
    && cp -a /usr/share/zoneinfo usr/share/ \
    && (cd usr/share/zoneinfo && rm -rf right posix posixrules localtime leap* *.tab *.zi) \
    && echo 'hosts: files dns' > etc/nsswitch.conf \
    && sed 's|^|*|' /tmp/libraries | xargs dpkg -S | cut -d : -f 1 | sort -u > /tmp/packages \
    && for package in ca-certificates tzdata $(cat /tmp/packages); do \
         dpkg-query -s "$package" > "var/lib/dpkg/status.d/$package" || exit 1; \
       done

FROM scratch
COPY --from=build /image /
LABEL org.opencontainers.image.title="tidemill" \
      org.opencontainers.image.description="MLOps for the Kubernetes cluster you already have: one controller, no database"
# Numbers, so that Kubernetes can see that it is not root. Pods of users set a user of their own.
USER 65534:65534
ENTRYPOINT ["/usr/bin/tidemill"]
