# One image for every process of Remit: workers of all roles, OPA, and the publisher of policies.
# Versions are those of requirements.lock; each package is checked against its hash there.

FROM openpolicyagent/opa:1.22.0-static AS opa

FROM python:3.11.14-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 UV_NO_CACHE=1 UV_LINK_MODE=copy
WORKDIR /src
RUN python -m pip install -q uv==0.13.8 \
    && python -m venv --without-pip /tools \
    && python -m venv --without-pip /venv
COPY requirements.lock ./
RUN uv pip install -q --python /tools/bin/python --constraint requirements.lock hatchling
COPY pyproject.toml README.md LICENSE ./
COPY remit ./remit
COPY workflows ./workflows
COPY activities ./activities
COPY proposing ./proposing
COPY workers ./workers
COPY policies ./policies
RUN /tools/bin/python -m hatchling build -t wheel -d /wheels \
    && uv pip install -q --python /venv/bin/python --constraint requirements.lock \
        "remit[backoffice,console,postgres] @ file://$(ls /wheels/remit-*.whl)"

FROM python:3.11.14-slim-bookworm AS remit
ENV PATH=/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONSAFEPATH=1
RUN groupadd --gid 10001 remit \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin remit \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/remit /var/lib/policy /var/lib/opa /var/lib/console \
        /var/lib/evidence /var/lib/checkpoints /run/opa /run/policy
COPY --from=opa /opa /usr/local/bin/opa
COPY --from=build /venv /venv
COPY deploy/opa/sidecar.py deploy/opa/publisher.py /opt/remit/
WORKDIR /var/lib/remit
USER 10001:10001
CMD ["python", "-m", "workers", "--roles", "orchestrate,tools"]
