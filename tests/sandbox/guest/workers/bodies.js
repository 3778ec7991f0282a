// Bodies: what may be one, reading, reading twice, cloning, blobs and forms.
import { bytes, deep, eq, fail, ok, readAll, rejects, text, throws } from "./check.js";

const stream = (...chunks) => new ReadableStream({ start: (c) => { for (const chunk of chunks) c.enqueue(typeof chunk === "string" ? bytes(chunk) : chunk); c.close(); } });

export async function every_body_init_becomes_bytes_and_a_type() {
  const cases = [
    ["héllo", "text/plain;charset=UTF-8", "héllo"],
    [new String("object"), "text/plain;charset=UTF-8", "object"],
    [42, "text/plain;charset=UTF-8", "42"],
    [bytes("array"), null, "array"],
    [bytes("buffer").buffer, null, "buffer"],
    [new DataView(bytes("view").buffer, 1), null, "iew"],
    [new Blob(["blob"], { type: "Text/X" }), "text/x", "blob"],
    [new Blob(["untyped"]), null, "untyped"],
    [new URLSearchParams({ a: "b c" }), "application/x-www-form-urlencoded;charset=UTF-8", "a=b+c"],
    [stream("str", "eam"), null, "stream"],
    ["", "text/plain;charset=UTF-8", ""],
  ];
  for (const [init, type, content] of cases) {
    const response = new Response(init);
    eq(response.headers.get("content-type"), type, content);
    eq(await response.text(), content, content);
  }
  eq(new Response("x", { headers: { "content-type": "a/b" } }).headers.get("content-type"), "a/b");
  eq(new Response(null).body, null);
  eq(await new Response().text(), "");
}

export async function every_way_to_read() {
  const make = () => new Response('{"a":[1,"é"]}');
  deep(await make().json(), { a: [1, "é"] });
  eq(text(await make().arrayBuffer()), '{"a":[1,"é"]}');
  eq((await make().arrayBuffer()) instanceof ArrayBuffer, true);
  ok((await make().bytes()) instanceof Uint8Array);
  const blob = await new Response("x", { headers: { "content-type": "Text/Plain; Charset=\"utf-8\"" } }).blob();
  deep([blob.size, blob.type], [1, "text/plain;charset=utf-8"]);
  eq(await new Response("\ufeffbom").text(), "bom");
  eq(await new Response(new Uint8Array([0xef, 0xbb, 0xbf, 97, 0xff])).text(), "a\ufffd");
  await rejects(new Response("{").json(), "SyntaxError");
  await rejects(new Response("").json(), "SyntaxError");
  deep([...new Uint8Array(await new Response(new Uint8Array([1, 2])).arrayBuffer())], [1, 2]);
}

export async function a_body_is_read_once() {
  const response = new Response("x");
  eq(response.bodyUsed, false);
  const first = response.text();
  eq(response.bodyUsed, true);
  eq(await first, "x");
  await rejects(response.text(), "TypeError");
  throws(() => response.clone(), "TypeError");
  throws(() => new Response(response.body), "TypeError");
  const locked = new Response("x");
  const reader = locked.body.getReader();
  await rejects(locked.json(), "TypeError");
  eq(locked.bodyUsed, false);
  reader.releaseLock();
  eq(await locked.text(), "x");
  const empty = new Response(null);
  await empty.text();
  eq(empty.bodyUsed, false);
  eq(await empty.text(), "");
}

export async function the_bytes_are_the_bodys_own() {
  const source = bytes("abc");
  const response = new Response(source);
  source[0] = 120;
  const first = await response.clone().bytes();
  eq(text(first), "abc");
  first[0] = 121;
  eq(await response.text(), "abc");
}

export async function streams_and_their_bodies() {
  const response = new Response("hello");
  const { body } = response;
  eq(response.body, body);
  ok(body instanceof ReadableStream);
  eq((await readAll(body)).map(text).join(""), "hello");
  eq(response.bodyUsed, true);
  const passed = new Response(new Response("again").body);
  eq(await passed.text(), "again");
  const used = stream("x");
  await readAll(used);
  throws(() => new Response(used), "TypeError");
  const busy = stream("x");
  busy.getReader();
  throws(() => new Response(busy), "TypeError");
  await rejects(new Response(new ReadableStream({ start: (c) => c.enqueue("text") })).text(), "TypeError");
  const error = new Error("source");
  await rejects(new Response(new ReadableStream({ start: (c) => c.error(error) })).text(), error);
  const byob = new Response("byob").body.getReader({ mode: "byob" });
  eq(text((await byob.read(new Uint8Array(2))).value), "by");
}

export async function clones_are_independent() {
  const text1 = new Response("abc", { status: 201, headers: { a: "b" } });
  const copy = text1.clone();
  copy.headers.set("a", "c");
  deep([text1.headers.get("a"), copy.headers.get("a"), copy.status], ["b", "c", 201]);
  deep(await Promise.all([text1.text(), copy.text()]), ["abc", "abc"]);
  const streamed = new Response(stream("1", "2"));
  const second = streamed.clone();
  deep(await Promise.all([streamed.text(), second.text()]), ["12", "12"]);
  const touched = new Response("xyz");
  ok(touched.body);
  const third = touched.clone();
  deep(await Promise.all([third.text(), touched.text()]), ["xyz", "xyz"]);
}

export async function blobs_and_files() {
  const blob = new Blob(["ab", new Uint8Array([99]), new Blob(["d"]), 5], { type: "TEXT/plain" });
  deep([blob.size, blob.type, await blob.text()], [5, "text/plain", "abcd5"]);
  eq(await blob.slice(1, 3).text(), "bc");
  eq(await blob.slice(-2).text(), "d5");
  eq(await blob.slice(3, 1).text(), "");
  eq(blob.slice(0, 1, "a/b").type, "a/b");
  eq(new Blob([], { type: "é" }).type, "");
  eq(text(await blob.arrayBuffer()), "abcd5");
  eq((await readAll(blob.stream())).map(text).join(""), "abcd5");
  eq(await new Blob(["a\r\nb\rc"], { endings: "native" }).text(), "a\nb\nc");
  const file = new File(["x"], "name.txt", { type: "a/b", lastModified: 12 });
  deep([file.name, file.lastModified, file.type, file instanceof Blob], ["name.txt", 12, "a/b", true]);
  ok(Math.abs(new File([], "x").lastModified - Date.now()) < 1000);
  throws(() => new Blob("text"), "TypeError");
  throws(() => new File([]), "TypeError");
}

export async function forms() {
  const form = new FormData();
  form.append("a", "1");
  form.append("a", 2);
  form.append("f", new Blob(["x"], { type: "t/x" }), "n.bin");
  form.append("g", new Blob(["y"]));
  deep(form.getAll("a"), ["1", "2"]);
  deep([...form.keys()], ["a", "a", "f", "g"]);
  deep([form.get("f").name, form.get("g").name, form.get("none")], ["n.bin", "blob", null]);
  ok(form.get("f") instanceof File);
  form.set("a", "3");
  form.delete("g");
  eq(form.has("g"), false);
  deep([...form.keys()], ["a", "f"]);
  throws(() => form.append("x", "y", "z"), "TypeError");
  throws(() => new FormData("x"), "TypeError");
}

export async function multipart_goes_there_and_back() {
  const form = new FormData();
  form.append('na"me\r\n', "line\nbreak é");
  form.append("empty", "");
  form.append("file", new File([new Uint8Array([0, 13, 10, 45, 45, 255])], 'f"ü.bin', { type: "application/x" }));
  const response = new Response(form);
  const type = response.headers.get("content-type");
  ok(type.startsWith("multipart/form-data; boundary="), type);
  const raw = await response.clone().text();
  ok(raw.includes('name="na%22me%0D%0A"'), raw);
  const back = await response.formData();
  eq(back.get('na"me\r\n'), "line\r\nbreak é");
  eq(back.get("empty"), "");
  const file = back.get("file");
  deep([file.name, file.type, [...new Uint8Array(await file.arrayBuffer())]], ['f"ü.bin', "application/x", [0, 13, 10, 45, 45, 255]]);
  const sent = await new Request("http://a", { method: "POST", body: form }).formData();
  eq([...sent].length, 3);
}

export async function multipart_from_other_hands() {
  const parse = (body, type = "multipart/form-data; boundary=x") => new Response(body, { headers: { "content-type": type } }).formData();
  const form = await parse(
    'preamble\r\n--x\r\ncontent-disposition: form-data; name=a\r\n\r\n1\r\n--x  \r\nContent-Type: text/plain\r\nContent-Disposition: form-data; name="b"; filename="q.txt"\r\n\r\n--xy\r\n--x--\r\nepilogue',
    'Multipart/Form-Data; boundary="x"',
  );
  eq(form.get("a"), "1");
  eq(await form.get("b").text(), "--xy");
  for (const bad of ["", "--x", "--x\r\n", "--x\r\n\r\nno name\r\n--x--", "--x\r\ncontent-disposition: form-data; name=a\r\n\r\nopen", "--xContent", "--x\r\nnonsense\r\n\r\n\r\n--x--"]) {
    await rejects(parse(bad), "TypeError", bad);
  }
  await rejects(parse("--x--", "multipart/form-data"), "TypeError");
  await rejects(parse("a=b", "text/plain"), "TypeError");
  await rejects(new Response("a=b").formData(), "TypeError");
  const urlencoded = await parse("a=1&a=%20+&b", "application/x-www-form-urlencoded; charset=utf-8");
  deep([...urlencoded], [["a", "1"], ["a", "  "], ["b", ""]]);
  eq([...(await parse("--x--"))].length, 0);
}

export async function incoming_bodies(request) {
  eq(request.bodyUsed, false);
  const copy = request.clone();
  eq(await request.text(), "body");
  eq(request.bodyUsed, true);
  eq((await readAll(copy.body)).map(text).join(""), "body");
  if (copy.bodyUsed !== true) fail("the copy was read");
}
