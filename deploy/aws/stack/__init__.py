"""The AWS stack of one environment, made from :mod:`tasks.queues`: ``deploy/stack.yaml``.

``python -m deploy.aws.stack`` (``make stack``) writes the template, and that of the database beside
it (:mod:`deploy.aws.stack.database`); ``--check`` fails where a committed file differs. It is plain
data (long-form intrinsics), so ``yaml.safe_load`` reads it.
Longer than the 51,200 bytes that CloudFormation takes inline: it goes over S3.

What a deployment gives (parameters)
    ``Environment`` (``prod``), ``Size`` (``start`` | ``grow``), ``ImagePrefix`` and ``ImageTag``:
    an image is ``{ImagePrefix}/academy-api:{ImageTag}``; the stack's own registry is
    ``ACCOUNT.dkr.ecr.REGION.amazonaws.com/academy-ENV``. ``Running`` (``no`` | ``yes``): with
    ``no`` every service wants 0 tasks and every pool stays empty, so that the first deployment can
    make the registry before there is an image, and migrations can run with nobody at work.
    ``VpcId``, ``SubnetIds`` (public, two zones), ``DatabaseSecurityGroupId``,
    ``DatabaseInstance`` (its identifier, for alarms; the stack never owns the database),
    ``PublicHost``, ``FlowerHost``, ``CertificateArn`` (``grow``), ``TunnelImage`` (``start``),
    ``AlarmEmail``, ``MonthlyBudget`` (USD, 0: none), ``QueuePrefix``, ``R2EndpointUrl``, the four
    bucket names, and switches for what is optional; see :mod:`deploy.aws.stack.parameters`.
    Queues with a prefix and metrics with a namespace let environments share an account.

What must stand in the parameter store (SecureString)
    ``/academy/ENV/NAME``, NAME being the environment variable, such as ``DATABASE_URL``.
    :func:`deploy.aws.stack.variables.stored` lists the names that a choice of parameters needs.

What comes out (names)
    The stack is ``academy-ENV``, the cluster and everything else ``academy-ENV-…``; a service and
    its task definition's family are ``academy-ENV-ROLE`` with the roles of
    :func:`deploy.aws.stack.roles.table` (``api``, ``relay``, ``flower``, ``messaging``,
    ``video``, ``ai-lite``, ``ai-basic``, ``ai-premium``); the container that matters has the
    role's name; log groups are ``/academy/ENV/ROLE``; repositories ``academy-ENV/academy-api`` and
    so on. A one-off command (migrate) is ``RunTask`` of ``academy-ENV-manage`` with a command of
    its own, in ``SubnetIds`` and the output ``ServicesSecurityGroup``.

For the emulator
    :func:`deploy.aws.stack.emulator.variant` is the same template without the resource types that
    it does not know, each listed with a reason; nothing else is changed.
"""
