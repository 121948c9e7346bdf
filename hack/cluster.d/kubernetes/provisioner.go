// The provisioner behind the default StorageClass: each claim becomes a folder
// on the one node there is. The folders are open to every uid (0777), because
// a pod of any non-root user must be able to write to its claim, and the
// kubelet does not apply fsGroup to host paths.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	storagelisters "k8s.io/client-go/listers/storage/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
)

const (
	provisionerName = "tidemill.example/host-folder"

	// Set by the volume controller on a claim that it wants provisioned, and by
	// us on a volume (k8s.io/component-helpers/storage/volume/pv_helpers.go).
	wantedProvisionerAnnotation = "volume.kubernetes.io/storage-provisioner"
	provisionedByAnnotation     = "pv.kubernetes.io/provisioned-by"

	// rwxrwxrwx: see the head of this file.
	openFolderMode = 0o777
)

type itemKind int

const (
	claimItem itemKind = iota
	volumeItem
)

// item names one object to look at; the namespace is empty for a volume.
type item struct {
	kind            itemKind
	namespace, name string
}

type provisioner struct {
	client  kubernetes.Interface
	folder  string
	claims  corelisters.PersistentVolumeClaimLister
	volumes corelisters.PersistentVolumeLister
	classes storagelisters.StorageClassLister
	events  record.EventRecorder
	queue   workqueue.TypedRateLimitingInterface[item]
}

func newProvisionerCommand() *cobra.Command {
	var kubeconfig, folder string
	command := &cobra.Command{
		Use:          "volume-provisioner",
		Short:        "Makes a folder of the node for each claim of class " + provisionerName,
		Args:         cobra.NoArgs,
		SilenceUsage: true,
		RunE: func(command *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(command.Context(), syscall.SIGTERM, syscall.SIGINT)
			defer stop()
			return runProvisioner(ctx, kubeconfig, folder)
		},
	}
	command.Flags().StringVar(&kubeconfig, "kubeconfig", "", "how to reach the API server")
	command.Flags().StringVar(&folder, "folder", "", "where the volumes' folders are made; it must exist")
	_ = command.MarkFlagRequired("kubeconfig")
	_ = command.MarkFlagRequired("folder")
	return command
}

func runProvisioner(ctx context.Context, kubeconfig, folder string) error {
	if state, err := os.Stat(folder); err != nil {
		return fmt.Errorf("the folder for volumes: %w", err)
	} else if !state.IsDir() {
		return fmt.Errorf("the folder for volumes: %s is not a folder", folder)
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 10*time.Minute)
	p := newProvisioner(ctx, client, factory, folder)
	defer p.queue.ShutDown()
	factory.Start(ctx.Done())
	for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return fmt.Errorf("stopped before %s was read from the API server", kind)
		}
	}
	klog.InfoS("Watching claims", "provisioner", provisionerName, "folder", folder)
	go p.work(ctx)
	<-ctx.Done()
	return nil
}

func newProvisioner(ctx context.Context, client kubernetes.Interface,
	factory informers.SharedInformerFactory, folder string) *provisioner {
	broadcaster := record.NewBroadcaster(record.WithContext(ctx))
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: client.CoreV1().Events("")})
	claims := factory.Core().V1().PersistentVolumeClaims()
	volumes := factory.Core().V1().PersistentVolumes()
	p := &provisioner{
		client:  client,
		folder:  folder,
		claims:  claims.Lister(),
		volumes: volumes.Lister(),
		classes: factory.Storage().V1().StorageClasses().Lister(),
		events:  broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: provisionerName}),
		queue: workqueue.NewTypedRateLimitingQueue(
			workqueue.NewTypedItemExponentialFailureRateLimiter[item](100*time.Millisecond, 30*time.Second)),
	}
	_, _ = claims.Informer().AddEventHandler(p.enqueueWith(claimItem))
	_, _ = volumes.Informer().AddEventHandler(p.enqueueWith(volumeItem))
	return p
}

func (p *provisioner) enqueueWith(kind itemKind) cache.ResourceEventHandlerFuncs {
	add := func(object any) {
		if meta, ok := object.(metav1.Object); ok {
			p.queue.Add(item{kind, meta.GetNamespace(), meta.GetName()})
		}
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    add,
		UpdateFunc: func(_, object any) { add(object) },
	}
}

func (p *provisioner) work(ctx context.Context) {
	for {
		next, shutdown := p.queue.Get()
		if shutdown {
			return
		}
		if err := p.handle(ctx, next); err != nil {
			klog.ErrorS(err, "Trying again later", "namespace", next.namespace, "name", next.name)
			p.queue.AddRateLimited(next)
		} else {
			p.queue.Forget(next)
		}
		p.queue.Done(next)
	}
}

func (p *provisioner) handle(ctx context.Context, next item) error {
	if next.kind == claimItem {
		claim, err := p.claims.PersistentVolumeClaims(next.namespace).Get(next.name)
		if apierrors.IsNotFound(err) {
			return nil
		} else if err != nil {
			return err
		}
		return p.provision(ctx, claim)
	}
	volume, err := p.volumes.Get(next.name)
	if apierrors.IsNotFound(err) {
		return nil
	} else if err != nil {
		return err
	}
	return p.reclaim(ctx, volume)
}

// provision makes the folder and the volume of a claim that waits for us.
func (p *provisioner) provision(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	if claim.DeletionTimestamp != nil || claim.Spec.VolumeName != "" ||
		claim.Spec.StorageClassName == nil ||
		claim.Annotations[wantedProvisionerAnnotation] != provisionerName {
		return nil
	}
	class, err := p.classes.Get(*claim.Spec.StorageClassName)
	if err != nil {
		return fmt.Errorf("storage class of the claim: %w", err)
	}
	if reason := whyNotProvisioned(claim); reason != "" {
		p.events.Event(claim, corev1.EventTypeWarning, "ProvisioningFailed", reason)
		return nil
	}
	volume := p.newVolume(claim, class)
	if err := makeOpenFolder(volume.Spec.HostPath.Path); err != nil {
		return err
	}
	_, err = p.client.CoreV1().PersistentVolumes().Create(ctx, volume, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	} else if err != nil {
		return err
	}
	klog.InfoS("Provisioned", "claim", klog.KObj(claim), "volume", volume.Name)
	p.events.Eventf(claim, corev1.EventTypeNormal, "ProvisioningSucceeded",
		"made volume %s", volume.Name)
	return nil
}

func whyNotProvisioned(claim *corev1.PersistentVolumeClaim) string {
	if claim.Spec.VolumeMode != nil && *claim.Spec.VolumeMode == corev1.PersistentVolumeBlock {
		return "volumeMode Block is not offered by this storage class, use Filesystem"
	}
	if claim.Spec.Selector != nil {
		return "a claim with a selector can't be provisioned, remove spec.selector"
	}
	if claim.Spec.DataSource != nil || claim.Spec.DataSourceRef != nil {
		return "a data source is not offered by this storage class, remove spec.dataSource"
	}
	return ""
}

func (p *provisioner) newVolume(claim *corev1.PersistentVolumeClaim,
	class *storagev1.StorageClass) *corev1.PersistentVolume {
	name := "pvc-" + string(claim.UID)
	reclaim := corev1.PersistentVolumeReclaimDelete
	if class.ReclaimPolicy != nil {
		reclaim = *class.ReclaimPolicy
	}
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{
			Name:        name,
			Annotations: map[string]string{provisionedByAnnotation: provisionerName},
		},
		Spec: corev1.PersistentVolumeSpec{
			Capacity: corev1.ResourceList{
				corev1.ResourceStorage: claim.Spec.Resources.Requests[corev1.ResourceStorage],
			},
			AccessModes:                   claim.Spec.AccessModes,
			PersistentVolumeReclaimPolicy: reclaim,
			StorageClassName:              class.Name,
			MountOptions:                  class.MountOptions,
			ClaimRef: &corev1.ObjectReference{
				APIVersion: "v1", Kind: "PersistentVolumeClaim",
				Namespace: claim.Namespace, Name: claim.Name, UID: types.UID(claim.UID),
			},
			PersistentVolumeSource: corev1.PersistentVolumeSource{
				HostPath: &corev1.HostPathVolumeSource{Path: filepath.Join(p.folder, name)},
			},
		},
	}
}

// makeOpenFolder also opens a folder that an interrupted try left behind; the
// umask would take the write bits away, so the mode is set in a call of its own.
func makeOpenFolder(path string) error {
	if err := os.Mkdir(path, openFolderMode); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return os.Chmod(path, openFolderMode)
}

// reclaim deletes the folder first: if that fails the volume stays, and says so.
func (p *provisioner) reclaim(ctx context.Context, volume *corev1.PersistentVolume) error {
	if volume.Annotations[provisionedByAnnotation] != provisionerName ||
		volume.Status.Phase != corev1.VolumeReleased ||
		volume.Spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimDelete ||
		volume.DeletionTimestamp != nil {
		return nil
	}
	// Only a folder that we made, whatever somebody wrote into the volume's path.
	if err := os.RemoveAll(filepath.Join(p.folder, filepath.Base(volume.Name))); err != nil {
		p.events.Event(volume, corev1.EventTypeWarning, "VolumeFailedDelete", err.Error())
		return err
	}
	err := p.client.CoreV1().PersistentVolumes().Delete(ctx, volume.Name, metav1.DeleteOptions{
		Preconditions: metav1.NewUIDPreconditions(string(volume.UID)),
	})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return err
	}
	klog.InfoS("Reclaimed", "volume", volume.Name)
	return nil
}
