"""API Gateway: creates the API of the template and calls it.

SAM turns the events of functions into an OpenAPI document, from which CloudFormation creates routes
and authorizers. The emulator ignores the document, so `import_document` does this.
"""

import json
import re
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from emulator import REGION

API = "Api"


def import_document(stack):
    """Creates the routes and authorizers of the API's document.

    Returns the function ARNs of the routes by route key, and those of the authorizers.
    """
    template, gateway = stack.template, stack.aws.client("apigatewayv2")
    document = template["Resources"][API]["Properties"]["Body"]
    api = stack.resources[API]
    schemes = {
        name: scheme["x-amazon-apigateway-authorizer"]
        for name, scheme in document["components"]["securitySchemes"].items()
    }
    authorizers = {
        name: _make_authorizer(stack, gateway, api, name, described)
        for name, described in schemes.items()
    }
    routes = [
        (f"{method.upper()} {path}", operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
    integrations = {}
    for key, operation in routes:
        integration = operation["x-amazon-apigateway-integration"]
        uri = _resolved(stack, integration["uri"])
        if uri not in integrations:
            integrations[uri] = gateway.create_integration(
                ApiId=api,
                IntegrationType=integration["type"].upper(),
                IntegrationMethod=integration["httpMethod"],
                IntegrationUri=uri,
                PayloadFormatVersion=integration["payloadFormatVersion"],
            )["IntegrationId"]
        (authorizer,) = [each for names in operation["security"] for each in names]
        guarded = {"AuthorizationType": "CUSTOM", "AuthorizerId": authorizers.get(authorizer)}
        gateway.create_route(
            ApiId=api,
            RouteKey=key,
            Target=f"integrations/{integrations[uri]}",
            **({"AuthorizationType": "NONE"} if authorizer == "NONE" else guarded),
        )
    return (
        {
            key: _function_of(stack, operation["x-amazon-apigateway-integration"]["uri"])
            for key, operation in routes
        },
        [_function_of(stack, described["authorizerUri"]) for described in schemes.values()],
    )


def _function_of(stack, uri):
    return re.fullmatch(r".*/functions/(.*)/invocations", _resolved(stack, uri))[1]


def _make_authorizer(stack, gateway, api, name, described):
    return gateway.create_authorizer(
        ApiId=api,
        Name=name,
        AuthorizerType=described["type"].upper(),
        AuthorizerUri=_resolved(stack, described["authorizerUri"]),
        AuthorizerPayloadFormatVersion=described["authorizerPayloadFormatVersion"],
        EnableSimpleResponses=described["enableSimpleResponses"],
        AuthorizerResultTtlInSeconds=int(
            _resolved(stack, described["authorizerResultTtlInSeconds"])
        ),
        IdentitySource=described["identitySource"],
    )["AuthorizerId"]


def _resolved(stack, value):
    """Resolves the CloudFormation functions that SAM uses in the document."""
    if not isinstance(value, dict):
        return value
    ((function, argument),) = value.items()
    if function == "Ref":
        return stack.parameters[argument]
    if function == "Fn::GetAtt":
        return _attribute(stack, ".".join(argument))
    assert function == "Fn::Sub", value
    text, variables = (argument, {}) if isinstance(argument, str) else argument
    return re.sub(r"\$\{([^}]+)\}", lambda name: _named(stack, variables, name[1]), text)


def _named(stack, variables, name):
    return _resolved(stack, variables[name]) if name in variables else _attribute(stack, name)


def _attribute(stack, name):
    pseudo = {"AWS::Partition": "aws", "AWS::Region": REGION}
    if name in pseudo:
        return pseudo[name]
    logical_id, _, attribute = name.partition(".")
    assert attribute == "Arn", name
    return stack.function(logical_id)["FunctionArn"]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Any
    body: Any

    @property
    def code(self):
        """The code of an error answer, otherwise the body."""
        return self.body.get("error", self.body) if isinstance(self.body, dict) else self.body

    @property
    def verdict(self):
        return self.status, self.code


@dataclass(frozen=True)
class Gateway:
    """A client of the API."""

    endpoint: str
    api: str

    @classmethod
    def of(cls, stack):
        return cls(stack.aws.endpoint, stack.resources[API])

    def call(self, method, path, token=None, body=None):
        headers = {}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body)
        # By path, because the emulator also routes its own services by host name.
        url = f"/_aws/execute-api/{self.api}/$default{path}"
        with closing(HTTPConnection(urlsplit(self.endpoint).netloc, timeout=60)) as connection:
            connection.request(method, url, body, headers)
            answer = connection.getresponse()
            text = answer.read()
            return Answer(answer.status, answer.headers, json.loads(text) if text else None)

    def get(self, path, token=None):
        return self.call("GET", path, token)

    def post(self, path, body=None, token=None):
        return self.call("POST", path, token, body)

    def delete(self, path, token=None, body=None):
        return self.call("DELETE", path, token, body)
