FROM @BASE@
COPY . /context/
