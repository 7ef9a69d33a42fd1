# Steward in a container: the locked dependencies, the house, nobody's rights, one volume.
#
#   docker build -t steward .
#   docker run -p 8000:8000 -v steward:/data steward              migrates, then serves on 0.0.0.0:8000
#   docker run -v steward:/data steward tenants create "My agency"  any other command

FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.txt /tmp/requirements.txt
RUN python -m venv /opt/steward \
 && /opt/steward/bin/python -m pip install --require-hashes --only-binary :all: -r /tmp/requirements.txt \
 && /opt/steward/bin/python -m pip uninstall --yes pip setuptools
COPY alembic.ini /srv/steward/alembic.ini
COPY migrations /srv/steward/migrations
COPY projections /srv/steward/projections
COPY app /srv/steward/app
# Server processes import the file that began them: without the guard each would begin them all again.
RUN printf '%s\n' '#!/opt/steward/bin/python' 'from app.cli import main' 'if __name__ == "__main__":' '    main()' \
      > /opt/steward/bin/steward \
 && chmod 0755 /opt/steward/bin/steward \
 && PYTHONPATH=/srv/steward /opt/steward/bin/python -m compileall -q /srv/steward

FROM python:3.11-slim
COPY --from=build /opt/steward /opt/steward
COPY --from=build /srv/steward /srv/steward
RUN mkdir /data && chown 10001:10001 /data
ENV PATH=/opt/steward/bin:$PATH \
    PYTHONPATH=/srv/steward \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    STEWARD_DATABASE_URL=sqlite:////data/steward.db \
    STEWARD_VAULT_KEY_FILE=/data/vault.key \
    STEWARD_HOST=0.0.0.0 \
    STEWARD_PORT=8000
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['STEWARD_PORT'] + '/readyz', timeout=2)"]
ENTRYPOINT ["sh", "-c", "if [ $# -eq 0 ]; then steward migrate && set -- serve || exit; fi; exec steward \"$@\"", "steward"]
CMD []
