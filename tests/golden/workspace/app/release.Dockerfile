FROM scratch AS release
COPY Dockerfile /
