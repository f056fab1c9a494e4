# syntax=docker/dockerfile:1
# One image for every service: which one runs is the container's command.

FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# The dependencies in a layer of their own: a change of the code does not install them again.
COPY requirements/build.lock requirements/image.lock requirements/
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --no-deps --require-hashes -r requirements/build.lock \
    && pip install --prefix=/install --ignore-installed --no-deps --no-build-isolation \
        --require-hashes -r requirements/image.lock

FROM build AS project
COPY . .
RUN pip install --prefix=/project --no-deps --no-build-isolation .

FROM python:3.11-slim
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /tmp millrace \
    # An empty volume takes its owner from the folder it covers.
    && install -d -o millrace -g millrace -m 0700 \
        /var/lib/millrace /var/lib/millrace/models \
        /var/lib/millrace/keys /var/lib/millrace/keys/trusted
COPY --from=build /install /usr/local
COPY --from=project /project /usr/local
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MILLRACE_PROJECT_DIR=/var/lib/millrace \
    MILLRACE_MODEL_STORE=/var/lib/millrace/models \
    MILLRACE_KEYS_DIR=/var/lib/millrace/keys
USER 10001:10001
WORKDIR /var/lib/millrace
CMD ["millrace", "--help"]
