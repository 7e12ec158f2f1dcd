"""The messages of Kubernetes' protobuf bodies that are understood, field by field.

They are those of k8s.io/api's and apimachinery's generated.proto, as far as clients that know
nothing but protobuf fill them in: kubectl's `create`, `debug`, `drain` and the like. Of a Pod, the
volumes that no Pod of ours can have are left out, and the status is passed over, as the API gives
a new Pod its own.
"""

from functools import cache

from kernel.apiserver.protobuf.group_messages import GROUP_SCHEMA
from kernel.apiserver.protobuf.schema import Message, read_schema

_SENT = {
    "v1": (
        "Binding",
        "ConfigMap",
        "Endpoints",
        "LimitRange",
        "Namespace",
        "PersistentVolume",
        "PersistentVolumeClaim",
        "Pod",
        "PodTemplate",
        "ReplicationController",
        "ResourceQuota",
        "Secret",
        "Service",
        "ServiceAccount",
    ),
    "admissionregistration.k8s.io/v1": (
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
    ),
    "apps/v1": ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"),
    "batch/v1": ("CronJob", "Job"),
    "authentication.k8s.io/v1": ("SelfSubjectReview", "TokenRequest", "TokenReview"),
    "authorization.k8s.io/v1": (
        *("LocalSubjectAccessReview", "SelfSubjectAccessReview"),
        *("SelfSubjectRulesReview", "SubjectAccessReview"),
    ),
    "policy/v1": ("Eviction", "PodDisruptionBudget"),
    "policy/v1beta1": ("Eviction",),
    "autoscaling/v1": ("HorizontalPodAutoscaler",),
    "autoscaling/v2": ("HorizontalPodAutoscaler",),
    "discovery.k8s.io/v1": ("EndpointSlice",),
    "networking.k8s.io/v1": ("Ingress", "IngressClass", "NetworkPolicy"),
    "scheduling.k8s.io/v1": ("PriorityClass",),
    "storage.k8s.io/v1": (
        *("CSIDriver", "CSINode", "CSIStorageCapacity"),
        *("StorageClass", "VolumeAttachment"),
    ),
    "rbac.authorization.k8s.io/v1": (
        *("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"),
    ),
}


def message_of(api_version: str, kind: str) -> Message | None:
    """The message of a kind, None where it is not understood as protobuf."""
    if (api_version, kind) == ("autoscaling/v1", "HorizontalPodAutoscaler"):
        return _messages()["HorizontalPodAutoscalerV1"]
    return _messages()[kind] if kind in _SENT.get(api_version, ()) else None


@cache
def _messages() -> dict[str, Message]:
    """All messages by name; read when the first body comes."""
    return read_schema(_SCHEMA + GROUP_SCHEMA)


_SCHEMA = """
ResourceQuota
  1 metadata:ObjectMeta, 2 spec:ResourceQuotaSpec, 3 status:passed over
ResourceQuotaSpec
  1 hard:quantity{}, 2 scopes[], 3 scopeSelector:ScopeSelector
ScopeSelector
  1 matchExpressions:ScopedResourceSelectorRequirement[]
ScopedResourceSelectorRequirement
  1 scopeName, 2 operator, 3 values[]
PodDisruptionBudget
  1 metadata:ObjectMeta, 2 spec:PodDisruptionBudgetSpec, 3 status:passed over
PodDisruptionBudgetSpec
  1 minAvailable:int_or_string, 2 selector:LabelSelector, 3 maxUnavailable:int_or_string,
  4 unhealthyPodEvictionPolicy
PodTemplateSpec
  1 metadata:ObjectMeta, 2 spec:PodSpec
Deployment
  1 metadata:ObjectMeta, 2 spec:DeploymentSpec, 3 status:passed over
DeploymentSpec
  1 replicas:int, 2 selector:LabelSelector, 3 template:PodTemplateSpec,
  4 strategy:DeploymentStrategy, 5 minReadySeconds:int, 6 revisionHistoryLimit:int,
  7 paused:bool, 9 progressDeadlineSeconds:int
DeploymentStrategy
  1 type, 2 rollingUpdate:RollingUpdate
RollingUpdate
  1 maxUnavailable:int_or_string, 2 maxSurge:int_or_string
ReplicaSet
  1 metadata:ObjectMeta, 2 spec:ReplicaSetSpec, 3 status:passed over
ReplicaSetSpec
  1 replicas:int, 2 selector:LabelSelector, 3 template:PodTemplateSpec, 4 minReadySeconds:int
DaemonSet
  1 metadata:ObjectMeta, 2 spec:DaemonSetSpec, 3 status:passed over
DaemonSetSpec
  1 selector:LabelSelector, 2 template:PodTemplateSpec, 3 updateStrategy:DeploymentStrategy,
  4 minReadySeconds:int, 6 revisionHistoryLimit:int
StatefulSet
  1 metadata:ObjectMeta, 2 spec:StatefulSetSpec, 3 status:passed over
StatefulSetSpec
  1 replicas:int, 2 selector:LabelSelector, 3 template:PodTemplateSpec,
  4 volumeClaimTemplates:PersistentVolumeClaim[], 5 serviceName, 6 podManagementPolicy,
  7 updateStrategy:StatefulSetUpdateStrategy, 8 revisionHistoryLimit:int, 9 minReadySeconds:int,
  10 persistentVolumeClaimRetentionPolicy:ClaimRetentionPolicy, 11 ordinals:StatefulSetOrdinals
StatefulSetUpdateStrategy
  1 type, 2 rollingUpdate:RollingUpdateStatefulSet
RollingUpdateStatefulSet
  1 partition:int, 2 maxUnavailable:int_or_string
ClaimRetentionPolicy
  1 whenDeleted, 2 whenScaled
StatefulSetOrdinals
  1 start:int
Job
  1 metadata:ObjectMeta, 2 spec:JobSpec, 3 status:passed over
JobSpec
  1 parallelism:int, 2 completions:int, 3 activeDeadlineSeconds:int, 4 selector:LabelSelector,
  5 manualSelector:bool, 6 template:PodTemplateSpec, 7 backoffLimit:int,
  8 ttlSecondsAfterFinished:int, 9 completionMode, 10 suspend:bool,
  11 podFailurePolicy:PodFailurePolicy, 12 backoffLimitPerIndex:int, 13 maxFailedIndexes:int,
  14 podReplacementPolicy, 15 managedBy, 16 successPolicy:SuccessPolicy
PodFailurePolicy
  1 rules:PodFailurePolicyRule[]
PodFailurePolicyRule
  1 action, 2 onExitCodes:OnExitCodes, 3 onPodConditions:OnPodConditions[]
OnExitCodes
  1 containerName, 2 operator, 3 values:int[]
OnPodConditions
  1 type, 2 status
SuccessPolicy
  1 rules:SuccessPolicyRule[]
SuccessPolicyRule
  1 succeededIndexes, 2 succeededCount:int
CronJob
  1 metadata:ObjectMeta, 2 spec:CronJobSpec, 3 status:passed over
CronJobSpec
  1 schedule, 2 startingDeadlineSeconds:int, 3 concurrencyPolicy, 4 suspend:bool,
  5 jobTemplate:JobTemplateSpec, 6 successfulJobsHistoryLimit:int, 7 failedJobsHistoryLimit:int,
  8 timeZone
JobTemplateSpec
  1 metadata:ObjectMeta, 2 spec:JobSpec
OwnerReference
  1 kind, 3 name, 4 uid, 5 apiVersion, 6 controller:bool, 7 blockOwnerDeletion:bool
ObjectMeta
  1 name, 2 generateName, 3 namespace, 4 selfLink, 5 uid, 6 resourceVersion, 7 generation:int,
  8 creationTimestamp:time, 9 deletionTimestamp:time, 10 deletionGracePeriodSeconds:int,
  11 labels{}, 12 annotations{}, 13 ownerReferences:OwnerReference[], 14 finalizers[]
ConfigMap
  1 metadata:ObjectMeta, 2 data{}, 3 binaryData:bytes{}, 4 immutable:bool
Secret
  1 metadata:ObjectMeta, 2 data:bytes{}, 3 type, 4 stringData{}, 5 immutable:bool
Namespace
  1 metadata:ObjectMeta, 2 spec:NamespaceSpec, 3 status:NamespaceStatus
NamespaceSpec
  1 finalizers[]
NamespaceStatus
  1 phase
LocalObjectReference
  1 name
ObjectReference
  1 kind, 2 namespace, 3 name, 4 uid, 5 apiVersion, 6 resourceVersion, 7 fieldPath
ServiceAccount
  1 metadata:ObjectMeta, 2 secrets:ObjectReference[], 3 imagePullSecrets:LocalObjectReference[],
  4 automountServiceAccountToken:bool
ServicePort
  1 name, 2 protocol, 3 port:int, 4 targetPort:int_or_string, 5 nodePort:int, 6 appProtocol
ServiceSpec
  1 ports:ServicePort[], 2 selector{}, 3 clusterIP, 4 type, 5 externalIPs[], 7 sessionAffinity,
  8 loadBalancerIP, 9 loadBalancerSourceRanges[], 10 externalName, 11 externalTrafficPolicy,
  12 healthCheckNodePort:int, 13 publishNotReadyAddresses:bool, 17 ipFamilyPolicy,
  18 clusterIPs[], 19 ipFamilies[], 20 allocateLoadBalancerNodePorts:bool, 21 loadBalancerClass,
  22 internalTrafficPolicy, 23 trafficDistribution
Service
  1 metadata:ObjectMeta, 2 spec:ServiceSpec, 3 status:ServiceStatus
ServiceStatus
  1 loadBalancer:LoadBalancerStatus
Binding
  1 metadata:ObjectMeta, 2 target:ObjectReference
BoundObjectReference
  1 kind, 2 apiVersion, 3 name, 4 uid
TokenRequestSpec
  1 audiences[], 3 boundObjectRef:BoundObjectReference, 4 expirationSeconds:int
TokenRequest
  1 metadata:ObjectMeta, 2 spec:TokenRequestSpec, 3 status:TokenRequestStatus
TokenRequestStatus
  1 token, 2 expirationTimestamp:time
UserInfo
  1 username, 2 uid, 3 groups[]
TokenReviewStatus
  1 authenticated:bool, 2 user:UserInfo, 3 error, 4 audiences[]
TokenReview
  1 metadata:ObjectMeta, 2 spec:TokenReviewSpec, 3 status:TokenReviewStatus
TokenReviewSpec
  1 token, 2 audiences[]
SelfSubjectReview
  1 metadata:ObjectMeta, 2 status:SelfSubjectReviewStatus
SelfSubjectReviewStatus
  1 userInfo:UserInfo
SelectorAttributes
  1 rawSelector, 2 requirements:LabelSelectorRequirement[]
ResourceAttributes
  1 namespace, 2 verb, 3 group, 4 version, 5 resource, 6 subresource, 7 name,
  8 fieldSelector:SelectorAttributes, 9 labelSelector:SelectorAttributes
NonResourceAttributes
  1 path, 2 verb
SelfSubjectAccessReviewSpec
  1 resourceAttributes:ResourceAttributes, 2 nonResourceAttributes:NonResourceAttributes
SubjectAccessReviewSpec
  1 resourceAttributes:ResourceAttributes, 2 nonResourceAttributes:NonResourceAttributes, 3 user,
  4 groups[], 6 uid
SubjectAccessReviewStatus
  1 allowed:bool, 2 reason, 3 evaluationError, 4 denied:bool
SelfSubjectAccessReview
  1 metadata:ObjectMeta, 2 spec:SelfSubjectAccessReviewSpec, 3 status:SubjectAccessReviewStatus
SubjectAccessReview
  1 metadata:ObjectMeta, 2 spec:SubjectAccessReviewSpec, 3 status:SubjectAccessReviewStatus
LocalSubjectAccessReview
  1 metadata:ObjectMeta, 2 spec:SubjectAccessReviewSpec, 3 status:SubjectAccessReviewStatus
SelfSubjectRulesReviewSpec
  1 namespace
ResourceRule
  1 verbs[], 2 apiGroups[], 3 resources[], 4 resourceNames[]
NonResourceRule
  1 verbs[], 2 nonResourceURLs[]
SubjectRulesReviewStatus
  1 resourceRules:ResourceRule[], 2 nonResourceRules:NonResourceRule[], 3 incomplete:bool,
  4 evaluationError
SelfSubjectRulesReview
  1 metadata:ObjectMeta, 2 spec:SelfSubjectRulesReviewSpec, 3 status:SubjectRulesReviewStatus
LoadBalancerStatus
LabelSelector
  1 matchLabels{}, 2 matchExpressions:LabelSelectorRequirement[]
LabelSelectorRequirement
  1 key, 2 operator, 3 values[]
Eviction
  1 metadata:ObjectMeta, 2 deleteOptions:DeleteOptions
DeleteOptions
  1 gracePeriodSeconds:int, 2 preconditions:Preconditions, 3 orphanDependents:bool,
  4 propagationPolicy, 5 dryRun[]
Preconditions
  1 uid, 2 resourceVersion
Pod
  1 metadata:ObjectMeta, 2 spec:PodSpec, 3 status:passed over
PodSpec
  1 volumes:Volume[], 2 containers:Container[], 3 restartPolicy,
  4 terminationGracePeriodSeconds:int, 5 activeDeadlineSeconds:int, 6 dnsPolicy,
  7 nodeSelector{}, 8 serviceAccountName, 9 serviceAccount, 10 nodeName, 11 hostNetwork:bool,
  12 hostPID:bool, 13 hostIPC:bool, 14 securityContext:PodSecurityContext,
  15 imagePullSecrets:LocalObjectReference[], 16 hostname, 17 subdomain, 18 affinity:Affinity,
  19 schedulerName, 20 initContainers:Container[], 21 automountServiceAccountToken:bool,
  22 tolerations:Toleration[], 23 hostAliases:HostAlias[], 24 priorityClassName,
  25 priority:int, 26 dnsConfig:PodDNSConfig, 27 shareProcessNamespace:bool,
  28 readinessGates:PodReadinessGate[], 29 runtimeClassName, 30 enableServiceLinks:bool,
  31 preemptionPolicy, 32 overhead:quantity{},
  33 topologySpreadConstraints:TopologySpreadConstraint[],
  34 ephemeralContainers:EphemeralContainer[], 35 setHostnameAsFQDN:bool, 36 os:PodOS,
  37 hostUsers:bool, 38 schedulingGates:PodSchedulingGate[],
  39 resourceClaims:PodResourceClaim[], 40 resources:ResourceRequirements, 41 hostnameOverride
Volume
  1 name, 2 volumeSource:VolumeSource+
VolumeSource
  1 hostPath:HostPathVolumeSource, 2 emptyDir:EmptyDirVolumeSource, 6 secret:SecretVolumeSource,
  7 nfs:NFSVolumeSource, 10 persistentVolumeClaim:PersistentVolumeClaimVolumeSource,
  16 downwardAPI:DownwardAPIVolumeSource, 19 configMap:ConfigMapVolumeSource,
  26 projected:ProjectedVolumeSource, 28 csi:CSIVolumeSource,
  29 ephemeral:EphemeralVolumeSource, 30 image:ImageVolumeSource
HostPathVolumeSource
  1 path, 2 type
EmptyDirVolumeSource
  1 medium, 2 sizeLimit:quantity
SecretVolumeSource
  1 secretName, 2 items:KeyToPath[], 3 defaultMode:int, 4 optional:bool
KeyToPath
  1 key, 2 path, 3 mode:int
NFSVolumeSource
  1 server, 2 path, 3 readOnly:bool
PersistentVolumeClaimVolumeSource
  1 claimName, 2 readOnly:bool
DownwardAPIVolumeSource
  1 items:DownwardAPIVolumeFile[], 2 defaultMode:int
DownwardAPIVolumeFile
  1 path, 2 fieldRef:ObjectFieldSelector, 3 resourceFieldRef:ResourceFieldSelector, 4 mode:int
ObjectFieldSelector
  1 apiVersion, 2 fieldPath
ResourceFieldSelector
  1 containerName, 2 resource, 3 divisor:quantity
ConfigMapVolumeSource
  1 localObjectReference:LocalObjectReference+, 2 items:KeyToPath[], 3 defaultMode:int,
  4 optional:bool
ProjectedVolumeSource
  1 sources:VolumeProjection[], 2 defaultMode:int
VolumeProjection
  1 secret:SecretProjection, 2 downwardAPI:DownwardAPIProjection,
  3 configMap:ConfigMapProjection, 4 serviceAccountToken:ServiceAccountTokenProjection,
  5 clusterTrustBundle:ClusterTrustBundleProjection, 6 podCertificate:PodCertificateProjection
SecretProjection
  1 localObjectReference:LocalObjectReference+, 2 items:KeyToPath[], 4 optional:bool
DownwardAPIProjection
  1 items:DownwardAPIVolumeFile[]
ConfigMapProjection
  1 localObjectReference:LocalObjectReference+, 2 items:KeyToPath[], 4 optional:bool
ServiceAccountTokenProjection
  1 audience, 2 expirationSeconds:int, 3 path
ClusterTrustBundleProjection
  1 name, 2 signerName, 3 labelSelector:LabelSelector, 4 path, 5 optional:bool
PodCertificateProjection
  1 signerName, 2 keyType, 3 maxExpirationSeconds:int, 4 credentialBundlePath, 5 keyPath,
  6 certificateChainPath, 7 userAnnotations{}
CSIVolumeSource
  1 driver, 2 readOnly:bool, 3 fsType, 4 volumeAttributes{},
  5 nodePublishSecretRef:LocalObjectReference
EphemeralVolumeSource
  1 volumeClaimTemplate:PersistentVolumeClaimTemplate
PersistentVolumeClaim
  1 metadata:ObjectMeta, 2 spec:PersistentVolumeClaimSpec, 3 status:passed over
PersistentVolumeClaimTemplate
  1 metadata:ObjectMeta, 2 spec:PersistentVolumeClaimSpec
PersistentVolumeClaimSpec
  1 accessModes[], 2 resources:VolumeResourceRequirements, 3 volumeName,
  4 selector:LabelSelector, 5 storageClassName, 6 volumeMode,
  7 dataSource:TypedLocalObjectReference, 8 dataSourceRef:TypedObjectReference,
  9 volumeAttributesClassName
VolumeResourceRequirements
  1 limits:quantity{}, 2 requests:quantity{}
TypedLocalObjectReference
  1 apiGroup, 2 kind, 3 name
TypedObjectReference
  1 apiGroup, 2 kind, 3 name, 4 namespace
ImageVolumeSource
  1 reference, 2 pullPolicy
Container
  1 name, 2 image, 3 command[], 4 args[], 5 workingDir, 6 ports:ContainerPort[], 7 env:EnvVar[],
  8 resources:ResourceRequirements, 9 volumeMounts:VolumeMount[], 10 livenessProbe:Probe,
  11 readinessProbe:Probe, 12 lifecycle:Lifecycle, 13 terminationMessagePath,
  14 imagePullPolicy, 15 securityContext:SecurityContext, 16 stdin:bool, 17 stdinOnce:bool,
  18 tty:bool, 19 envFrom:EnvFromSource[], 20 terminationMessagePolicy,
  21 volumeDevices:VolumeDevice[], 22 startupProbe:Probe,
  23 resizePolicy:ContainerResizePolicy[], 24 restartPolicy,
  25 restartPolicyRules:ContainerRestartRule[]
ContainerPort
  1 name, 2 hostPort:int, 3 containerPort:int, 4 protocol, 5 hostIP
EnvVar
  1 name, 2 value, 3 valueFrom:EnvVarSource
EnvVarSource
  1 fieldRef:ObjectFieldSelector, 2 resourceFieldRef:ResourceFieldSelector,
  3 configMapKeyRef:ConfigMapKeySelector, 4 secretKeyRef:SecretKeySelector,
  5 fileKeyRef:FileKeySelector
ConfigMapKeySelector
  1 localObjectReference:LocalObjectReference+, 2 key, 3 optional:bool
SecretKeySelector
  1 localObjectReference:LocalObjectReference+, 2 key, 3 optional:bool
FileKeySelector
  1 volumeName, 2 path, 3 key, 4 optional:bool
ResourceRequirements
  1 limits:quantity{}, 2 requests:quantity{}, 3 claims:ResourceClaim[]
ResourceClaim
  1 name, 2 request
VolumeMount
  1 name, 2 readOnly:bool, 3 mountPath, 4 subPath, 5 mountPropagation, 6 subPathExpr,
  7 recursiveReadOnly
Probe
  1 handler:ProbeHandler+, 2 initialDelaySeconds:int, 3 timeoutSeconds:int, 4 periodSeconds:int,
  5 successThreshold:int, 6 failureThreshold:int, 7 terminationGracePeriodSeconds:int
ProbeHandler
  1 exec:ExecAction, 2 httpGet:HTTPGetAction, 3 tcpSocket:TCPSocketAction, 4 grpc:GRPCAction
ExecAction
  1 command[]
HTTPGetAction
  1 path, 2 port:int_or_string, 3 host, 4 scheme, 5 httpHeaders:HTTPHeader[]
HTTPHeader
  1 name, 2 value
TCPSocketAction
  1 port:int_or_string, 2 host
GRPCAction
  1 port:int, 2 service
Lifecycle
  1 postStart:LifecycleHandler, 2 preStop:LifecycleHandler, 3 stopSignal
LifecycleHandler
  1 exec:ExecAction, 2 httpGet:HTTPGetAction, 3 tcpSocket:TCPSocketAction, 4 sleep:SleepAction
SleepAction
  1 seconds:int
SecurityContext
  1 capabilities:Capabilities, 2 privileged:bool, 3 seLinuxOptions:SELinuxOptions,
  4 runAsUser:int, 5 runAsNonRoot:bool, 6 readOnlyRootFilesystem:bool,
  7 allowPrivilegeEscalation:bool, 8 runAsGroup:int, 9 procMount,
  10 windowsOptions:WindowsSecurityContextOptions, 11 seccompProfile:SeccompProfile,
  12 appArmorProfile:AppArmorProfile
Capabilities
  1 add[], 2 drop[]
SELinuxOptions
  1 user, 2 role, 3 type, 4 level
WindowsSecurityContextOptions
  1 gmsaCredentialSpecName, 2 gmsaCredentialSpec, 3 runAsUserName, 4 hostProcess:bool
SeccompProfile
  1 type, 2 localhostProfile
AppArmorProfile
  1 type, 2 localhostProfile
EnvFromSource
  1 prefix, 2 configMapRef:ConfigMapEnvSource, 3 secretRef:SecretEnvSource
ConfigMapEnvSource
  1 localObjectReference:LocalObjectReference+, 2 optional:bool
SecretEnvSource
  1 localObjectReference:LocalObjectReference+, 2 optional:bool
VolumeDevice
  1 name, 2 devicePath
ContainerResizePolicy
  1 resourceName, 2 restartPolicy
ContainerRestartRule
  1 action, 2 exitCodes:ContainerRestartRuleOnExitCodes
ContainerRestartRuleOnExitCodes
  1 operator, 2 values:int[]
PodSecurityContext
  1 seLinuxOptions:SELinuxOptions, 2 runAsUser:int, 3 runAsNonRoot:bool,
  4 supplementalGroups:int[], 5 fsGroup:int, 6 runAsGroup:int, 7 sysctls:Sysctl[],
  8 windowsOptions:WindowsSecurityContextOptions, 9 fsGroupChangePolicy,
  10 seccompProfile:SeccompProfile, 11 appArmorProfile:AppArmorProfile,
  12 supplementalGroupsPolicy, 13 seLinuxChangePolicy
Sysctl
  1 name, 2 value
Affinity
  1 nodeAffinity:NodeAffinity, 2 podAffinity:PodAffinity, 3 podAntiAffinity:PodAntiAffinity
NodeAffinity
  1 requiredDuringSchedulingIgnoredDuringExecution:NodeSelector,
  2 preferredDuringSchedulingIgnoredDuringExecution:PreferredSchedulingTerm[]
NodeSelector
  1 nodeSelectorTerms:NodeSelectorTerm[]
NodeSelectorTerm
  1 matchExpressions:NodeSelectorRequirement[], 2 matchFields:NodeSelectorRequirement[]
NodeSelectorRequirement
  1 key, 2 operator, 3 values[]
PreferredSchedulingTerm
  1 weight:int, 2 preference:NodeSelectorTerm
PodAffinity
  1 requiredDuringSchedulingIgnoredDuringExecution:PodAffinityTerm[],
  2 preferredDuringSchedulingIgnoredDuringExecution:WeightedPodAffinityTerm[]
PodAffinityTerm
  1 labelSelector:LabelSelector, 2 namespaces[], 3 topologyKey,
  4 namespaceSelector:LabelSelector, 5 matchLabelKeys[], 6 mismatchLabelKeys[]
WeightedPodAffinityTerm
  1 weight:int, 2 podAffinityTerm:PodAffinityTerm
PodAntiAffinity
  1 requiredDuringSchedulingIgnoredDuringExecution:PodAffinityTerm[],
  2 preferredDuringSchedulingIgnoredDuringExecution:WeightedPodAffinityTerm[]
Toleration
  1 key, 2 operator, 3 value, 4 effect, 5 tolerationSeconds:int
HostAlias
  1 ip, 2 hostnames[]
PodDNSConfig
  1 nameservers[], 2 searches[], 3 options:PodDNSConfigOption[]
PodDNSConfigOption
  1 name, 2 value
PodReadinessGate
  1 conditionType
TopologySpreadConstraint
  1 maxSkew:int, 2 topologyKey, 3 whenUnsatisfiable, 4 labelSelector:LabelSelector,
  5 minDomains:int, 6 nodeAffinityPolicy, 7 nodeTaintsPolicy, 8 matchLabelKeys[]
EphemeralContainer
  1 ephemeralContainerCommon:Container+, 2 targetContainerName
PodOS
  1 name
PodSchedulingGate
  1 name
PodResourceClaim
  1 name, 3 resourceClaimName, 4 resourceClaimTemplateName
"""
