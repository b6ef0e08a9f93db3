"""A Flow endpoint built with pywa, with an app secret; prints its URL and key as one line of JSON."""

import importlib.metadata
import json
import socket
import sys

import fastapi
import uvicorn
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pywa import WhatsApp

key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
password = b"for this process only"
private_pem = key.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.BestAvailableEncryption(password),
)
public_pem = key.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)

app = fastapi.FastAPI()
wa = WhatsApp(
    phone_id="106540352242922",
    token="token",
    server=app,
    verify_token="verify",
    app_secret=sys.argv[1],
    business_private_key=private_pem.decode(),
    business_private_key_password=password.decode(),
)


@wa.on_flow_request("/flow")
def respond(_: WhatsApp, request):
    return request.respond(screen="NEXT", data={"seen": True})


listener = socket.create_server(("127.0.0.1", 0))
ready = {
    "url": f"http://127.0.0.1:{listener.getsockname()[1]}/flow",
    "public_key": public_pem.decode(),
    "version": importlib.metadata.version("pywa"),
}
print(json.dumps(ready), flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="critical")).run(sockets=[listener])
