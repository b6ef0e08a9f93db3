#!/bin/sh
# Regenerates every file in this directory with new keys, except for `weak`.
# TEST ONLY: the keys are published with the source.
# Needs openssl 3, node, python3 with `cryptography`, ssh-keygen and keytool.
set -eu
cd "$(dirname "$0")"
export PASS='correct horse'
rm -rf pkcs12 kubernetes jwk openssl guide node python ssh java refused
mkdir openssl guide node python ssh java refused

# --- openssl: one key in every form -------------------------------------------------------------------------------
cd openssl
openssl genrsa -out pkcs8.pem 2048
openssl pkcs8 -topk8 -nocrypt -in pkcs8.pem -outform DER -out pkcs8.der
openssl rsa -in pkcs8.pem -traditional -out pkcs1.pem
openssl rsa -in pkcs8.pem -traditional -outform DER -out pkcs1.der
for cipher in aes-128-cbc aes-192-cbc aes-256-cbc des3; do
    openssl pkcs8 -topk8 -v2 $cipher -passout env:PASS -in pkcs8.pem -out pbes2-$cipher.pem
    openssl pkcs8 -topk8 -scrypt -v2 $cipher -passout env:PASS -in pkcs8.pem -out scrypt-$cipher.pem
done
for prf in hmacWithSHA1 hmacWithSHA224 hmacWithSHA256 hmacWithSHA384 hmacWithSHA512; do
    openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf $prf -passout env:PASS -in pkcs8.pem -out pbes2-$prf.pem
done
openssl pkcs8 -topk8 -v2 aes-256-cbc -passout env:PASS -in pkcs8.pem -outform DER -out pbes2.der
openssl pkcs8 -topk8 -v2 aes-256-cbc -iter 100000 -passout 'pass:größer als 🔑' -in pkcs8.pem -out unicode-passphrase.pem
for pbe in 3des 2des rc2-128 rc2-40; do
    openssl pkcs8 -topk8 -v1 "PBE-SHA1-$(echo $pbe | tr a-z A-Z)" -provider legacy -provider default \
        -passout env:PASS -in pkcs8.pem -out pbe-sha1-$pbe.pem
done
openssl pkcs8 -topk8 -v2 aes-256-cbc -passout pass: -in pkcs8.pem -out empty-passphrase.pem
openssl pkcs8 -topk8 -v1 PBE-SHA1-3DES -passout pass: -in pkcs8.pem -out empty-passphrase-pbe.pem
for cipher in des3 aes128 aes192 aes256; do
    openssl rsa -in pkcs8.pem -traditional -$cipher -passout env:PASS -out traditional-$cipher.pem
done
openssl pkey -in pkcs8.pem -pubout -out public.pem
openssl pkey -in pkcs8.pem -pubout -outform DER -out public.der
openssl rsa -in pkcs8.pem -RSAPublicKey_out -out pkcs1-public.pem
openssl rsa -in pkcs8.pem -RSAPublicKey_out -outform DER -out pkcs1-public.der
openssl req -new -x509 -key pkcs8.pem -subj '/CN=test only' -days 2 -out certificate.pem
openssl x509 -in certificate.pem -outform DER -out certificate.der
openssl req -new -key pkcs8.pem -subj '/CN=test only' -out ../refused/request.pem
openssl req -in ../refused/request.pem -outform DER -out ../refused/request.der
openssl x509 -req -in ../refused/request.pem -signkey pkcs8.pem -days 2 -out certificate-v1.pem
openssl x509 -in certificate.pem -trustout -setalias 'test only' -out certificate-trusted.pem
openssl x509 -in certificate.pem -text -out certificate-with-text.pem

# --- pkcs12: the same key in containers -----------------------------------------------------------------------------
mkdir ../pkcs12
cp public.pem ../pkcs12/public.pem
store() { openssl pkcs12 -export -provider legacy -provider default -inkey pkcs8.pem -in certificate.pem "$@"; }
store -passout env:PASS -out ../pkcs12/modern.p12
store -passout env:PASS -legacy -out ../pkcs12/legacy.p12
store -passout env:PASS -keypbe PBE-SHA1-RC2-128 -certpbe PBE-SHA1-RC2-40 -out ../pkcs12/rc2.p12
store -passout env:PASS -keypbe NONE -certpbe NONE -nomac -out ../pkcs12/unprotected.p12
store -passout pass: -out ../pkcs12/empty-passphrase.p12
store -passout pass: -legacy -out ../pkcs12/empty-passphrase-legacy.p12
openssl pkcs12 -export -provider legacy -provider default -nokeys -in certificate.pem -passout env:PASS -out ../refused/no-key.p12
python3 - <<'PY'
# The key itself in an encrypted part, and a container in BER.
import os
from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
def tlv(tag, *parts):
    value = b"".join(parts)
    n = len(value)
    head = bytes([n]) if n < 128 else (lambda b: bytes([128 + len(b)]) + b)(n.to_bytes((n.bit_length() + 7) // 8, "big"))
    return bytes([tag]) + head + value
def oid(dotted):
    arcs = [int(arc) for arc in dotted.split(".")]
    out = b""
    for arc in [arcs[0] * 40 + arcs[1]] + arcs[2:]:
        digits = [arc & 127]
        while arc := arc >> 7:
            digits.append(arc & 127 | 128)
        out += bytes(reversed(digits))
    return tlv(6, out)
seq = lambda *parts: tlv(0x30, *parts)
octets = lambda value: tlv(4, value)
explicit = lambda value: tlv(0xA0, value)
key = open("pkcs8.der", "rb").read()
bag = seq(oid("1.2.840.113549.1.12.10.1.1"), explicit(key))
salt, iv = os.urandom(16), os.urandom(16)
secret = PBKDF2HMAC(hashes.SHA256(), 32, salt, 2048).derive(os.environ["PASS"].encode())
pad = padding.PKCS7(128).padder()
encryptor = Cipher(algorithms.AES(secret), modes.CBC(iv)).encryptor()
sealed = encryptor.update(pad.update(seq(bag)) + pad.finalize()) + encryptor.finalize()
kdf = seq(oid("1.2.840.113549.1.5.12"), seq(octets(salt), tlv(2, b"\x08\x00"), seq(oid("1.2.840.113549.2.9"), tlv(5))))
scheme = seq(oid("1.2.840.113549.1.5.13"), seq(kdf, seq(oid("2.16.840.1.101.3.4.1.42"), octets(iv))))
info = seq(oid("1.2.840.113549.1.7.1"), scheme, tlv(0x80, sealed))
part = seq(oid("1.2.840.113549.1.7.6"), explicit(seq(tlv(2, b"\x00"), info)))
safe = seq(oid("1.2.840.113549.1.7.1"), explicit(octets(seq(part))))
open("../pkcs12/key-in-encrypted-part.p12", "wb").write(seq(tlv(2, b"\x03"), safe))
modern = open("../pkcs12/modern.p12", "rb").read()
open("../refused/ber.p12", "wb").write(b"\x30\x80" + modern[4:] + b"\0\0")
PY

# --- kubernetes: the same key in a Secret, as `kubectl get secret -o yaml` and `-o json` print it ---
mkdir ../kubernetes
cp public.pem ../kubernetes/public.pem
crt=$(base64 -w0 <certificate.pem) key=$(base64 -w0 <pkcs8.pem)
printf 'apiVersion: v1\ndata:\n  tls.crt: %s\n  tls.key: %s\nkind: Secret\nmetadata:\n  name: flows\ntype: kubernetes.io/tls\n' \
    "$crt" "$key" >../kubernetes/secret.yaml
printf '{\n    "apiVersion": "v1",\n    "data": {\n        "tls.crt": "%s",\n        "tls.key": "%s"\n    },\n    "kind": "Secret"\n}\n' \
    "$crt" "$key" >../kubernetes/secret.json

# --- jwk: the same key as JSON Web Keys ------------------------------------------------------------------------------
mkdir ../jwk
cp public.pem ../jwk/public.pem
python3 - <<'PY'
import base64, json
from cryptography.hazmat.primitives.serialization import load_pem_private_key
numbers = load_pem_private_key(open("pkcs8.pem", "rb").read(), None).private_numbers()
public = numbers.public_numbers
def u(n):
    return base64.urlsafe_b64encode(n.to_bytes((n.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()
rsa = {"kty": "RSA", "n": u(public.n), "e": u(public.e)}
private = rsa | {"d": u(numbers.d), "p": u(numbers.p), "q": u(numbers.q), "dp": u(numbers.dmp1), "dq": u(numbers.dmq1),
                 "qi": u(numbers.iqmp)}
ec = {"kty": "EC", "crv": "P-256", "x": u(1), "y": u(2)}
def out(name, value, **style):
    open(name, "w").write(json.dumps(value, **style))
out("../jwk/public.json", rsa | {"use": "enc", "alg": "RSA-OAEP-256", "kid": "1"}, indent=2)
out("../jwk/private.json", private | {"key_ops": ["decrypt"]}, indent=2)
out("../jwk/set.json", {"keys": [ec, rsa]})
out("../jwk/private-set.json", {"keys": [private]})
out("../refused/jwk-ec.json", ec)
out("../refused/jwk-oct.json", {"kty": "oct", "k": "AAAA"})
out("../refused/jwk-okp.json", {"kty": "OKP", "crv": "Ed25519", "x": "AAAA", "d": "AAAA"})
out("../refused/jwk-without-primes.json", {name: private[name] for name in ("kty", "n", "e", "d")})
PY

# --- guide: the commands of Meta's guide, and their traditional form ------------------------------------------
cd ../guide
openssl genrsa -des3 -passout env:PASS -out private.pem 2048
openssl rsa -in private.pem -passin env:PASS -outform PEM -pubout -out public.pem
openssl rsa -in private.pem -passin env:PASS -des3 -traditional -passout env:PASS -out private-traditional.pem

# --- node: one key, written by Node's crypto; Meta's sample key generator writes the PKCS#1 form ---
cd ../node
node -e "
const { generateKeyPairSync } = require('crypto'), { writeFileSync } = require('fs');
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const passphrase = process.env.PASS;
const out = (name, key, options) => writeFileSync(name, key.export(options));
out('public.pem', publicKey, { type: 'spki', format: 'pem' });
out('pkcs1-public.pem', publicKey, { type: 'pkcs1', format: 'pem' });
out('pkcs8.pem', privateKey, { type: 'pkcs8', format: 'pem' });
out('pkcs8-des3.pem', privateKey, { type: 'pkcs8', format: 'pem', cipher: 'des-ede3-cbc', passphrase });
out('pkcs8-aes256.pem', privateKey, { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase });
out('pkcs8-aes256.der', privateKey, { type: 'pkcs8', format: 'der', cipher: 'aes-256-cbc', passphrase });
out('pkcs1-des3.pem', privateKey, { type: 'pkcs1', format: 'pem', cipher: 'des-ede3-cbc', passphrase });
out('pkcs1-aes128.pem', privateKey, { type: 'pkcs1', format: 'pem', cipher: 'aes-128-cbc', passphrase });
"

# --- python: one key, written by Python's cryptography -------------------------------------------------------------------
cd ../python
python3 - <<'PY'
import os
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import rsa
key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
best = s.BestAvailableEncryption(os.environ["PASS"].encode())
def out(name, data):
    open(name, "wb").write(data)
pem, der = s.Encoding.PEM, s.Encoding.DER
out("pkcs8.pem", key.private_bytes(pem, s.PrivateFormat.PKCS8, s.NoEncryption()))
out("pkcs1.pem", key.private_bytes(pem, s.PrivateFormat.TraditionalOpenSSL, s.NoEncryption()))
out("pkcs8-best.pem", key.private_bytes(pem, s.PrivateFormat.PKCS8, best))
out("pkcs8-best.der", key.private_bytes(der, s.PrivateFormat.PKCS8, best))
out("traditional-best.pem", key.private_bytes(pem, s.PrivateFormat.TraditionalOpenSSL, best))
public = key.public_key()
out("public.pem", public.public_bytes(pem, s.PublicFormat.SubjectPublicKeyInfo))
out("pkcs1-public.pem", public.public_bytes(pem, s.PublicFormat.PKCS1))
three = rsa.generate_private_key(public_exponent=3, key_size=2048)
out("exponent-3.pem", three.private_bytes(pem, s.PrivateFormat.PKCS8, s.NoEncryption()))
out("exponent-3-public.pem", three.public_key().public_bytes(pem, s.PublicFormat.SubjectPublicKeyInfo))
PY

# --- ssh: one key, written by ssh-keygen ----------------------------------------------------------------------------
cd ../ssh
ssh-keygen -q -t rsa -b 2048 -m PEM -N '' -C 'test only' -f pkcs1.pem
cp pkcs1.pem pkcs8.pem && ssh-keygen -q -p -P '' -N '' -m PKCS8 -f pkcs8.pem
cp pkcs1.pem pkcs8-encrypted.pem && ssh-keygen -q -p -P '' -N "$PASS" -m PKCS8 -f pkcs8-encrypted.pem
cp pkcs1.pem traditional.pem && ssh-keygen -q -p -P '' -N "$PASS" -m PEM -f traditional.pem
cp pkcs1.pem ../refused/openssh.pem && ssh-keygen -q -p -P '' -N '' -f ../refused/openssh.pem
ssh-keygen -e -m PKCS8 -f pkcs1.pem.pub >public.pem
ssh-keygen -e -m PEM -f pkcs1.pem.pub >pkcs1-public.pem
ssh-keygen -e -m RFC4716 -f pkcs1.pem.pub >../refused/ssh2.pub
mv pkcs1.pem.pub ../refused/openssh.pub
chmod 644 ./*.pem ../refused/*

# --- java: one key, written by the JDK ------------------------------------------------------------------------------
cd ../java
keytool -genkeypair -alias k -keyalg RSA -keysize 2048 -dname 'CN=test only' -validity 2 \
    -storetype PKCS12 -keystore store.p12 -storepass "$PASS"
keytool -exportcert -alias k -keystore store.p12 -storepass "$PASS" -file certificate.der
cat >Out.java <<'JAVA'
import java.nio.file.*; import java.security.*;
public class Out { public static void main(String[] a) throws Exception {
  KeyStore s = KeyStore.getInstance("PKCS12"); char[] p = System.getenv("PASS").toCharArray();
  s.load(Files.newInputStream(Path.of("store.p12")), p);
  Files.write(Path.of("pkcs8.der"), s.getKey("k", p).getEncoded());
  Files.write(Path.of("public.der"), s.getCertificate("k").getPublicKey().getEncoded());
} }
JAVA
java Out.java
openssl pkey -pubin -inform DER -in public.der -out public.pem
keytool -genkeypair -alias other -keyalg RSA -keysize 2048 -dname 'CN=test only' -validity 2 \
    -storetype PKCS12 -keystore ../refused/two-keys.p12 -storepass "$PASS"
keytool -genkeypair -alias another -keyalg RSA -keysize 2048 -dname 'CN=test only' -validity 2 \
    -storetype PKCS12 -keystore ../refused/two-keys.p12 -storepass "$PASS"
keytool -genkeypair -alias k -keyalg RSA -keysize 2048 -dname 'CN=test only' -validity 2 \
    -storetype JKS -keystore ../refused/store.jks -storepass "$PASS" -keypass "$PASS"
rm Out.java

# --- refused: everything that must be refused -------------------------------------------------------------------------
cd ../refused
openssl ecparam -name prime256v1 -genkey -out ec-sec1.pem
openssl ecparam -name prime256v1 -out ec-parameters.pem
openssl pkey -in ec-sec1.pem -out ec-pkcs8.pem
openssl pkey -in ec-sec1.pem -pubout -out ec-public.pem
openssl ec -in ec-sec1.pem -aes128 -passout env:PASS -out ec-traditional.pem
openssl pkcs8 -topk8 -v2 aes-256-cbc -passout env:PASS -in ec-sec1.pem -out ec-encrypted.pem
openssl req -new -x509 -key ec-sec1.pem -subj '/CN=test only' -days 2 -out ec-certificate.pem
openssl genpkey -algorithm ED25519 -out ed25519.pem
openssl pkey -in ed25519.pem -pubout -out ed25519-public.pem
openssl genpkey -algorithm X25519 -out x25519.pem
openssl genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out rsa-pss.pem
openssl pkey -in rsa-pss.pem -pubout -out rsa-pss-public.pem
openssl dsaparam -out dsa-parameters.pem 1024
openssl gendsa -out dsa-pkcs8.pem dsa-parameters.pem
openssl pkey -in dsa-pkcs8.pem -traditional -out dsa-traditional.pem
for bits in 1024 3072 4096; do
    openssl genrsa -out rsa$bits.pem $bits
    openssl pkey -in rsa$bits.pem -pubout -out rsa$bits-public.pem
done
rm rsa3072.pem rsa4096.pem
openssl genrsa -primes 3 -out multi-prime.pem 2048
openssl pkcs8 -topk8 -v1 PBE-MD5-DES -provider legacy -provider default -passout env:PASS \
    -in ../openssl/pkcs8.pem -out pbes1-md5-des.pem
openssl pkcs8 -topk8 -v2 rc2-cbc -provider legacy -provider default -passout env:PASS \
    -in ../openssl/pkcs8.pem -out pbes2-rc2.pem
openssl pkcs8 -topk8 -v2 des-cbc -provider legacy -provider default -passout env:PASS \
    -in ../openssl/pkcs8.pem -out pbes2-des.pem
openssl pkcs8 -topk8 -v2 camellia-256-cbc -passout env:PASS -in ../openssl/pkcs8.pem -out pbes2-camellia.pem
openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA512-256 -passout env:PASS \
    -in ../openssl/pkcs8.pem -out pbes2-sha512-256.pem
openssl rsa -in ../openssl/pkcs8.pem -traditional -des -provider legacy -provider default -passout env:PASS \
    -out traditional-des.pem
openssl rsa -in ../openssl/pkcs8.pem -traditional -camellia256 -passout env:PASS -out traditional-camellia.pem
openssl crl2pkcs7 -nocrl -certfile ../openssl/certificate.pem -out pkcs7.pem
openssl crl2pkcs7 -nocrl -certfile ../openssl/certificate.pem -outform DER -out pkcs7.der
cat ../openssl/certificate.pem ec-certificate.pem >chain.pem
