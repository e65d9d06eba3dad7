# Training, and export of what was trained. Mount /app/data and /app/runs.
#   docker build -f dockerfiles/train.Dockerfile -t nrms-train .
#   docker run -v ./data:/app/data -v ./runs:/app/runs nrms-train experiment=demo run=runs/demo
# For GPUs: --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu128, and run with --gpus all.
FROM python:3.12-slim
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
WORKDIR /app
RUN useradd --system --uid 10001 --create-home nrms && install -d -o nrms data runs
COPY pyproject.toml README.md LICENSE ./
COPY nrms_torch nrms_torch
COPY configs configs
RUN pip install --no-cache-dir --extra-index-url "$TORCH_INDEX" "./[train,export]"
ENV PYTHONUNBUFFERED=1
USER 10001
ENTRYPOINT ["nrms", "train"]
