# A nightly run in a container: settings come from the environment, state lives in /state.
FROM python:3.12-slim
WORKDIR /app
COPY . /app
RUN pip install --no-cache-dir -c constraints.txt '.[postgres,marts]' \
    && useradd --create-home cliniko && install -d -o cliniko -m 700 /state
USER cliniko
VOLUME /state
ENTRYPOINT ["cliniko"]
CMD ["sync", "--state-dir", "/state"]
