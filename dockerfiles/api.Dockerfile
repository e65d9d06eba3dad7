# The server alone: no torch, no compiler, no root. Mount a bundle at /bundle, or, where another one
# may take its place, the folder above it: a mount stays with the folder that was there first.
#   docker build -f dockerfiles/api.Dockerfile -t nrms-api .
#   docker run -p 8000:8000 -v ./runs:/runs:ro -e NRMS_BUNDLE=/runs/demo/bundle nrms-api
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY nrms_torch nrms_torch
COPY configs configs
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir '.[serve]'

FROM python:3.12-slim
RUN useradd --system --uid 10001 --no-create-home nrms
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 NRMS_BUNDLE=/bundle NRMS_HOST=0.0.0.0 NRMS_PORT=8000
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/v2/health/ready', timeout=2)"]
CMD ["nrms", "serve"]
