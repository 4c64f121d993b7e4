// An HTTP server in Node.js that speaks TLS: /fail is answered with 500, each request takes as many
// µs as it asks for (us=).
const fs = require('fs');
const https = require('https');

const [port, certificate, key] = process.argv.slice(2);
https.createServer({cert: fs.readFileSync(certificate), key: fs.readFileSync(key)},
                   (request, answer) => {
  const work = Number(new URL(request.url, 'https://localhost').searchParams.get('us'));
  answer.writeHead(request.url.startsWith('/fail') ? 500 : 200, {'Content-Length': 300});
  setTimeout(() => answer.end('x'.repeat(300)), work / 1000);
}).listen(Number(port), '127.0.0.1');
