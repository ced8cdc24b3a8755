# One static binary, nothing else: no shell, no root.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o /heraut ./cmd/heraut && mkdir /data

FROM scratch
# The relay's certificate is checked against these.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /heraut /heraut
COPY --from=build --chown=65532:65532 /data /data
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 8025
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["/heraut", "status"]
ENTRYPOINT ["/heraut"]
CMD ["serve"]
