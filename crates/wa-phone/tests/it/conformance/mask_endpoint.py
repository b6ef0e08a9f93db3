"""A Flow endpoint that decrypts as Java does by default: RSA-OAEP with SHA-256, and MGF1 with SHA-1."""

import base64
import http.server
import json

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
public_pem = key.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)
oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA256(), label=None)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        try:
            cipher = AESGCM(key.decrypt(base64.b64decode(body["encrypted_aes_key"]), oaep))
            iv = base64.b64decode(body["initial_vector"])
            cipher.decrypt(iv, base64.b64decode(body["encrypted_flow_data"]), None)
            response = cipher.encrypt(bytes(b ^ 0xFF for b in iv), b'{"data":{"status":"active"}}', None)
            self.respond(200, base64.b64encode(response))
        except ValueError:
            self.respond(421, b"")

    def respond(self, status, body):
        self.send_response(status)
        self.send_header("content-type", "text/plain")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
ready = {"url": f"http://127.0.0.1:{server.server_port}/flow", "public_key": public_pem.decode(), "version": "-"}
print(json.dumps(ready), flush=True)
server.serve_forever()
