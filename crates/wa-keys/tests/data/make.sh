#!/bin/sh
# Makes every file below this directory anew, with new keys. TEST ONLY: the keys are published with the source.
# Needs openssl 3, node, python3 with `cryptography`, ssh-keygen and keytool.
set -eu
cd "$(dirname "$0")"
export PASS='correct horse'
rm -rf openssl guide node python ssh java refused
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

# --- guide: the very commands of Meta's guide, and their traditional form ------------------------------------------
cd ../guide
openssl genrsa -des3 -passout env:PASS -out private.pem 2048
openssl rsa -in private.pem -passin env:PASS -outform PEM -pubout -out public.pem
openssl rsa -in private.pem -passin env:PASS -des3 -traditional -passout env:PASS -out private-traditional.pem

# --- node: one key, written by Node's crypto; the PKCS#1 form is what Meta's key generator writes -------------------
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
mv store.p12 ../refused/pkcs12.p12
rm Out.java

# --- refused: everything that must not pass -------------------------------------------------------------------------
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
openssl pkcs8 -topk8 -v1 PBE-SHA1-3DES -passout env:PASS -in ../openssl/pkcs8.pem -out pbes1-sha1-3des.pem
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
