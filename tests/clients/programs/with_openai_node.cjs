// openai-node: the same talk as telling.py has. CommonJS, since only that finds modules by
// NODE_PATH, in an environment that lies elsewhere.
"use strict";

const readline = require("node:readline");
const { OpenAI } = require("openai");

const client = (ask) => new OpenAI({ baseURL: ask.url, apiKey: ask.key, maxRetries: 0 });

const fields = (ask) => ({
  model: ask.model,
  messages: ask.messages,
  max_tokens: ask.max_tokens,
  temperature: 0,
  ...ask.extra_body,
});

const withTools = (ask) => ({
  ...fields(ask),
  tools: [ask.weather_tool],
  tool_choice: ask.tool_choice,
});

const counted = (usage) => usage && [usage.prompt_tokens, usage.completion_tokens];

const called = (choice) => ({
  calls: choice.message.tool_calls.map((call) => ({
    name: call.function.name,
    arguments: JSON.parse(call.function.arguments),
  })),
  finish_reason: choice.finish_reason,
});

const functions = {
  async chat(ask) {
    const answer = await client(ask).chat.completions.create(fields(ask));
    const [choice] = answer.choices;
    return {
      text: choice.message.content,
      finish_reason: choice.finish_reason,
      usage: counted(answer.usage),
    };
  },

  async stream(ask, tellPiece) {
    let reason = null;
    let usage = null;
    const chunks = await client(ask).chat.completions.create({
      ...fields(ask),
      stream: true,
      stream_options: { include_usage: true },
    });
    for await (const chunk of chunks) {
      usage = chunk.usage;
      for (const choice of chunk.choices) {
        reason = choice.finish_reason ?? reason;
        if (choice.delta.content) tellPiece(choice.delta.content);
      }
    }
    return { finish_reason: reason, usage: counted(usage) };
  },

  async call(ask) {
    const answer = await client(ask).chat.completions.create(withTools(ask));
    return called(answer.choices[0]);
  },

  async stream_call(ask, tellPiece) {
    const events = client(ask).chat.completions.stream(withTools(ask));
    events.on("tool_calls.function.arguments.delta", (event) => tellPiece(event.arguments_delta));
    return called((await events.finalChatCompletion()).choices[0]);
  },

  async answer_call(ask) {
    const { completions } = client(ask).chat;
    const first = (await completions.create(withTools(ask))).choices[0].message;
    const results = first.tool_calls.map((call) => ({
      role: "tool",
      tool_call_id: call.id,
      content: ask.tool_result,
    }));
    const messages = [...ask.messages, first, ...results];
    const second = await completions.create({ ...withTools(ask), messages, tool_choice: "none" });
    return { text: second.choices[0].message.content };
  },

  async fill_in(ask) {
    const answer = await client(ask).chat.completions.parse({
      ...fields(ask),
      response_format: ask.animal_format,
    });
    return JSON.parse(answer.choices[0].message.content);
  },

  async stream_fill_in(ask, tellPiece) {
    const events = client(ask).chat.completions.stream({
      ...fields(ask),
      response_format: ask.animal_format,
    });
    events.on("content.delta", (event) => tellPiece(event.delta));
    return JSON.parse((await events.finalContent()) ?? "null");
  },

  // An object that takes long, by the other endpoint for chats.
  async stream_response(ask, tellPiece) {
    let last = null;
    const events = await client(ask).responses.create({
      model: ask.model,
      input: ask.text,
      max_output_tokens: ask.max_tokens,
      text: { format: { type: "json_schema", name: "tale", schema: ask.tale_schema } },
      stream: true,
    });
    for await (const event of events) {
      if (event.type === "response.output_text.delta") tellPiece(event.delta);
      last = event.type;
    }
    return last;
  },
};

function described(error) {
  const classes = [];
  for (let kind = error.constructor; kind?.name; kind = Object.getPrototypeOf(kind)) {
    classes.push(`openai.${kind.name}`);
  }
  const { message, status = null, cause } = error;
  return { classes, message, status, cause: cause ? described(cause) : null };
}

async function main() {
  const tell = (what) => process.stdout.write(JSON.stringify(what) + "\n");
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const ask = JSON.parse(line);
    try {
      tell({ did: await functions[ask.do](ask, (piece) => tell({ piece })) });
    } catch (error) {
      tell({ raised: described(error) });
    }
  }
}

main();
