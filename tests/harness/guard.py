"""A quota server that is open to other machines: mutual TLS, a token for Envoys, and one for us."""

import hashlib
import secrets
import ssl
from pathlib import Path
from typing import Any

import trustme
import yaml

from . import paths
from .envoy_config import Config, cluster

NAME = "localhost"


class Guard:
    def __init__(self, directory: Path) -> None:
        """Its files go into `directory`."""
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._authority = trustme.CA()
        self._authority.cert_pem.write_to_path(str(self._file("ca.pem")))
        self._certify("server")
        self._certify("envoy")
        self.envoys_token, self.admins_token = secrets.token_hex(32), secrets.token_hex(32)
        self._file("envoys").write_text(self.envoys_token + "\n")
        digest = hashlib.sha256(self.admins_token.encode()).hexdigest()
        self._file("access.yaml").write_text(
            f"tokens:\n  - {{ name: tests, role: admin, sha256: {digest} }}\n"
        )

    def _file(self, name: str) -> Path:
        return self._directory / name

    def _certify(self, name: str) -> None:
        certificate = self._authority.issue_cert(NAME)
        certificate.private_key_pem.write_to_path(str(self._file(f"{name}.key")))
        certificate.cert_chain_pems[0].write_to_path(str(self._file(f"{name}.pem")))

    def server_options(self) -> list[str]:
        files = {
            "--tls-cert": "server.pem",
            "--tls-key": "server.key",
            "--client-ca": "ca.pem",
            "--grpc-token-file": "envoys",
            "--access": "access.yaml",
        }
        return [word for option, name in files.items() for word in (option, str(self._file(name)))]

    def http_client(self, port: int) -> dict[str, Any]:
        """What `httpx.Client` needs to be let in."""
        return {
            "base_url": f"https://{NAME}:{port}",
            "verify": ssl.create_default_context(cafile=self._file("ca.pem")),
            "headers": {"authorization": f"Bearer {self.admins_token}"},
        }

    def introduce(self, config: Config, token: str | None = None) -> None:
        """Has an Envoy show its certificate and a token (the right one if not said), as the shipped cluster does. What is
        in files there is in the configuration itself: an Envoy in a container does not see them."""
        shipped: Config = yaml.safe_load((paths.ROOT / "envoy" / "quota-server-tls.yaml").read_text())
        quota = cluster(config, "tollkeeper")
        for part in ("transport_socket", "typed_extension_protocol_options"):
            quota[part] = self._with_contents(shipped[part])
        secret = {"inline_string": f"Bearer {token or self.envoys_token}"}
        config["static_resources"]["secrets"] = [
            {"name": "quota-token", "generic_secret": {"secret": secret}}
        ]

    def _with_contents(self, part: Any) -> Any:
        match part:
            case {"filename": str(name)}:
                return {"inline_string": self._file(Path(name).name).read_text()}
            case dict():
                inside = {name: self._with_contents(value) for name, value in part.items()}
                inside.pop("sds_config", None)
                return inside
            case list():
                return [self._with_contents(value) for value in part]
            case "tollkeeper.internal":
                return NAME
        return part
