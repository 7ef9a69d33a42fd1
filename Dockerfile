# Steward in a container: the locked dependencies, the code, a user without rights, and two volumes.
#
#   docker build -t steward .
#   docker run -p 8000:8000 -v steward-data:/data -v steward-keys:/keys steward          migrates, then serves
#   docker run -v steward-data:/data -v steward-keys:/keys steward tenants create "My agency"   any other command
#
# /data holds the SQLite file, /keys the vault's key. Keep backups of both, apart: data without the key stays sealed.
# With PostgreSQL and a worker: compose.yaml.

# python:3.11-slim-bookworm, for amd64 and arm64
ARG PYTHON=python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b

FROM ${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.txt /tmp/requirements.txt
RUN python -m venv /opt/steward \
 && /opt/steward/bin/python -m pip install --require-hashes --only-binary :all: -r /tmp/requirements.txt \
 && /opt/steward/bin/python -m pip uninstall --yes pip setuptools
COPY alembic.ini /srv/steward/alembic.ini
COPY migrations /srv/steward/migrations
COPY projections /srv/steward/projections
COPY app /srv/steward/app
COPY docker/entrypoint docker/healthcheck /opt/steward/bin/
# Server processes import the file that began them: without the guard each would begin them all again.
RUN printf '%s\n' '#!/opt/steward/bin/python' 'from app.cli import main' 'if __name__ == "__main__":' '    main()' \
      > /opt/steward/bin/steward \
 && chmod 0755 /opt/steward/bin/steward \
 && PYTHONPATH=/srv/steward /opt/steward/bin/python -m compileall -q /srv/steward

FROM ${PYTHON}
COPY --from=build /opt/steward /opt/steward
COPY --from=build /srv/steward /srv/steward
RUN mkdir /data /keys && chown 10001:10001 /data /keys && chmod 0700 /keys
ENV PATH=/opt/steward/bin:$PATH \
    PYTHONPATH=/srv/steward \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HEARTBEAT=/tmp/worker.heartbeat \
    STEWARD_DATABASE_URL=sqlite:////data/steward.db \
    STEWARD_VAULT_KEY_FILE=/keys/vault.key \
    STEWARD_HOST=0.0.0.0 \
    STEWARD_PORT=8000
USER 10001:10001
WORKDIR /data
VOLUME ["/data", "/keys"]
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["healthcheck"]
ENTRYPOINT ["entrypoint"]
CMD []
